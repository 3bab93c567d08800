//! Which of several gateways is asked, and when.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_gateway_that_never_answered_is_not_waited_for() {
    let refused = || Err(SendError::new(Stage::NotSent, io::Error::from(io::ErrorKind::ConnectionRefused)));
    let (client, gateway) = client([refused(), refused()]);
    assert_eq!(put(&client).await.unwrap_err().kind(), ErrorKind::Unreachable);
    assert_eq!(gateway.asked.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_does_not_answer_is_left_out_for_a_while() {
    let silent = || Err(SendError::new(Stage::Unknown, io::Error::from(io::ErrorKind::TimedOut)));
    let gateway = |answers: Vec<Answer>| {
        Arc::new(Scripted { answers: Mutex::new(answers.into()), ..Scripted::default() })
    };
    let hung = gateway(vec![silent(), put_nothing()]);
    let good = gateway((0..9).map(|_| put_nothing()).collect());
    let both: Vec<Arc<dyn HttpSend>> = vec![hung.clone(), good.clone()];
    let client =
        Client::new(both, Credentials::new("a", "b"), ClientOptions::default(), &Run::silent()).unwrap();
    // One answer first: before, a gateway that was never reached is not waited for.
    client.0.reached.store(true, std::sync::atomic::Ordering::Relaxed);
    for _ in 0..6 {
        put(&client).await.unwrap();
    }
    let asked = |gateway: &Scripted| gateway.asked.lock().unwrap().len();
    assert_eq!((asked(&hung), asked(&good)), (1, 6));
    tokio::time::advance(Duration::from_mins(2)).await;
    put(&client).await.unwrap();
    put(&client).await.unwrap();
    assert_eq!(asked(&hung), 2, "it is tried again later");
}

#[tokio::test(start_paused = true)]
async fn limits_hold_for_all_gateways_of_a_client_together() {
    let gateways: Vec<Arc<dyn HttpSend>> = (0..2)
        .map(|_| {
            let answers = (0..6).map(|_| put_nothing()).collect();
            Arc::new(Scripted { answers: Mutex::new(answers), ..Scripted::default() }) as _
        })
        .collect();
    let options =
        ClientOptions { requests_per_second: std::num::NonZeroU64::new(2), ..ClientOptions::default() };
    let client = Client::new(gateways, Credentials::new("a", "b"), options, &Run::silent()).unwrap();
    let start = tokio::time::Instant::now();
    for _ in 0..12 {
        put(&client).await.unwrap();
    }
    // Two at once, and ten at two a second.
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn where_one_of_two_gateways_is_none_the_other_one_is_asked() {
    let gateway = |answers: Vec<Answer>| {
        Arc::new(Scripted { answers: Mutex::new(answers.into()), ..Scripted::default() })
    };
    let page = || answer(404, &[], &[Ok(b"<html>no such host</html>")]);
    let wrong = gateway(vec![page(), page()]);
    let good = gateway((0..6).map(|_| put_nothing()).collect());
    let both: Vec<Arc<dyn HttpSend>> = vec![wrong.clone(), good.clone()];
    let client =
        Client::new(both, Credentials::new("a", "b"), ClientOptions::default(), &Run::silent()).unwrap();
    for _ in 0..6 {
        put(&client).await.unwrap();
    }
    assert_eq!(wrong.asked.lock().unwrap().len(), 1, "and it is left out for a while");
    let (client, wrong) = self::client([page()]);
    assert_eq!(put(&client).await.unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(wrong.asked.lock().unwrap().len(), 1);
}

#[test]
fn a_presigned_url_behind_a_tunnel_is_a_url_and_says_nothing_of_the_tunnel() {
    let (client, _) = client([]);
    let (bucket, key) = (BucketName::new("db_wal").unwrap(), ObjectKey::new("a b").unwrap());
    let url = client
        .presigned(&crate::s3::op::GetObject::new(&bucket, &key).request(), SystemTime::UNIX_EPOCH)
        .unwrap();
    assert!(url.starts_with("http://scripted/db_wal/a%20b?"), "{url}");
    assert!(url.parse::<http::Uri>().is_ok() && !url.contains("core"), "{url}");
}
