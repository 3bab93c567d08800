//! Applies a fault to an answer, as far as that is no matter of the connection.

use std::sync::Arc;

use http::Method;
use http::request::Parts;
use http_body_util::BodyExt as _;

use super::fault::Fault;
use super::hook::{Faults, RequestSeen};
use super::wire::WireFault;
use crate::gateway::parsed_request::ParsedRequest;
use crate::gateway::response::{Response, ResponseBody};

/// The reply to a request.
pub(in crate::gateway) enum Reply {
    /// A response that hyper carries.
    Http(http::Response<ResponseBody>),
    /// Bytes that HTTP does not allow.
    Wire(WireFault),
}

/// The hook, and what is done with its verdicts.
#[derive(Clone)]
pub(in crate::gateway) struct Injector(Arc<dyn Faults>);

impl Injector {
    pub(in crate::gateway) fn new(faults: Arc<dyn Faults>) -> Self {
        Self(faults)
    }

    /// The fault that a request meets.
    pub(in crate::gateway) fn fault(
        &self,
        number: u64,
        head: &Parts,
        parsed: Option<&ParsedRequest>,
    ) -> Option<Fault> {
        self.0.fault(&RequestSeen::of(number, head, parsed))
    }

    /// An answer as it is; its bytes are counted.
    pub(in crate::gateway) fn honest(&self, number: u64, response: Response, method: &Method) -> Reply {
        let faults = self.0.clone();
        let counted = response.into_http(method).map(|body| {
            let counted = body.map_frame(move |frame| {
                if let Some(bytes) = frame.data_ref() {
                    faults.sent(number, bytes.len() as u64);
                }
                frame
            });
            counted.boxed_unsync()
        });
        Reply::Http(counted)
    }

    /// An answer after its fault.
    pub(in crate::gateway) async fn faulty(
        &self,
        number: u64,
        response: Response,
        fault: Fault,
        method: &Method,
    ) -> Reply {
        if let Fault::Delayed(by) = fault {
            tokio::time::sleep(by).await;
            return self.honest(number, response, method);
        }
        let Ok(mut response) = response.collect().await else {
            return Reply::Wire(WireFault::closed());
        };
        match fault {
            Fault::Edited(edit) => edit.apply(&mut response),
            Fault::Flipped(at) => {
                let last = response.body().len().saturating_sub(1);
                if let Some(byte) = response.body_mut().get_mut(at.min(last)) {
                    *byte ^= 1;
                }
            }
            fault => {
                let faults = self.0.clone();
                let sent = Box::new(move |bytes| faults.sent(number, bytes));
                return Reply::Wire(WireFault { response, fault, is_head: method == Method::HEAD, sent });
            }
        }
        self.honest(number, Response::of_http(response), method)
    }
}
