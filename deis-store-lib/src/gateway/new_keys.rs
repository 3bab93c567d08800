//! New keys of an embedded gateway's user, which nobody can guess.

use std::fs::File;
use std::io::Read as _;

use zeroize::Zeroizing;

use crate::error::{Error, Result, disk_error};
use crate::secret::Credentials;

/// Where randomness comes from that nobody can guess.
const RANDOM: &str = "/dev/urandom";
/// The characters of a key: none that means something to a shell, a URL or a file of s3cmd.
const CHARACTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// The lengths of radosgw's keys: so the secret one has 238 random bits.
const ACCESS_KEY_CHARACTERS: usize = 20;
const SECRET_KEY_CHARACTERS: usize = 40;

/// Makes keys.
pub(crate) fn new_keys() -> Result<Credentials> {
    let mut random = File::open(RANDOM).map_err(|error| disk_error("open", RANDOM, error))?;
    let mut key = |characters: usize| {
        let mut key = Zeroizing::new(String::with_capacity(characters));
        let mut byte = [0];
        while key.len() < characters {
            random.read_exact(&mut byte).map_err(|error| disk_error("read", RANDOM, error))?;
            // A byte that would favour some characters is left out.
            if let Some(character) = CHARACTERS.get(usize::from(byte[0] & 63)) {
                key.push(char::from(*character));
            }
        }
        Ok::<_, Error>(key)
    };
    let (access_key, secret_key) = (key(ACCESS_KEY_CHARACTERS)?, key(SECRET_KEY_CHARACTERS)?);
    Ok(Credentials::new(access_key.as_str(), secret_key.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_keys_differ_and_have_the_form_of_radosgws() {
        let keys: Vec<Credentials> = (0..50).map(|_| new_keys().unwrap()).collect();
        for (index, one) in keys.iter().enumerate() {
            let secret = std::str::from_utf8(one.secret_key()).unwrap();
            assert_eq!((one.access_key().len(), secret.len()), (20, 40));
            assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            assert!(!keys[..index].iter().any(|other| other.access_key() == one.access_key()));
            assert!(!keys[..index].iter().any(|other| other.secret_key() == one.secret_key()));
        }
    }
}
