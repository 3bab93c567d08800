//! Some failures are tried again, and others are not.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_busy_gateway_is_asked_again() {
    let (client, gateway) = client([error(503, "SlowDown"), error(500, "InternalError"), put_nothing()]);
    put(&client).await.unwrap();
    assert_eq!(gateway.asked.lock().unwrap().len(), 3);
    assert_eq!(gateway.asked.lock().unwrap()[0].0, "/db_wal/a/../b");
}

#[tokio::test(start_paused = true)]
async fn wrong_keys_are_not_tried_again() {
    let (client, gateway) = client([error(403, "SignatureDoesNotMatch")]);
    assert_eq!(put(&client).await.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(gateway.asked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_came_cut_off_at_the_gateway_is_sent_again() {
    let (client, _) = client([error(404, "NoSuchKey"), put_nothing()]);
    put(&client).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn another_etag_than_what_was_sent_is_never_a_success() {
    let answers = (0..8).map(|_| answer(200, &[("etag", "\"00000000000000000000000000000000\"")], &[]));
    let (client, _) = client(answers);
    assert_eq!(put(&client).await.unwrap_err().kind(), ErrorKind::Protocol);
}

#[tokio::test(start_paused = true)]
async fn the_gateways_clock_is_learnt_once_and_kept() {
    let (client, gateway) = client([error(403, "RequestTimeTooSkewed"), put_nothing(), put_nothing()]);
    put(&client).await.unwrap();
    put(&client).await.unwrap();
    let asked = gateway.asked.lock().unwrap();
    let dates: Vec<SystemTime> =
        asked.iter().map(|(_, date, _)| httpdate::parse_http_date(date).unwrap()).collect();
    let gateways = UNIX_EPOCH + Duration::from_secs(1_795_329_510);
    let off = |date: SystemTime| date.duration_since(gateways).unwrap_or_else(|early| early.duration());
    assert!(off(dates[1]) < Duration::from_mins(1) && off(dates[2]) < Duration::from_mins(1), "{dates:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_stays_skewed_is_an_error_and_no_loop() {
    let (client, _) = client([error(403, "RequestTimeTooSkewed"), error(403, "RequestTimeTooSkewed")]);
    assert!(put(&client).await.unwrap_err().to_string().contains("clocks differ"));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_run_sends_nothing_more() {
    let run = Run::silent();
    let gateway = Arc::new(Scripted::default());
    let client =
        Client::new(vec![gateway], Credentials::new("a", "b"), ClientOptions::default(), &run).unwrap();
    run.stop.stop();
    assert_eq!(put(&client).await.unwrap_err().kind(), ErrorKind::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_listing_goes_on_when_other_requests_have_used_up_all_retries() {
    const PAGE: &[u8] =
        b"<ListBucketResult><Name>db_wal</Name><IsTruncated>false</IsTruncated></ListBucketResult>";
    let (client, _) = client([error(503, "SlowDown"), answer(200, &[], &[Ok(PAGE)]), error(503, "SlowDown")]);
    while client.0.budget.lock().unwrap().spend() {}
    assert!(client.is_empty(&names().0).await.unwrap());
    assert_eq!(put(&client).await.unwrap_err().kind(), ErrorKind::Busy);
}
