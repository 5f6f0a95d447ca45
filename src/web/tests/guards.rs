//! What is refused, what is never markup, and what the API promises.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down() {
    let office = Office::open(Bench::sqlite().await).await;
    let form = [("user", "ben"), ("password", "wrong password")];
    for _ in 0..10 {
        office.post("/sign-in", "", &form).await.is(422);
    }
    let slowed = office
        .post("/sign-in", "", &form)
        .await
        .is(429)
        .says("Too many tries");
    assert_eq!(slowed.header("retry-after"), "6");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_other_sites_are_refused() {
    let office = Office::open(Bench::sqlite().await).await;
    let ana = office.sign_in("ana").await;
    let path = format!("/inbox/{}/close", office.put.maria);
    office
        .post_from(&path, &ana, &[], "cross-site")
        .await
        .is(403);
    office
        .post_from(&path, &ana, &[], "same-site")
        .await
        .is(403);
    let api = format!("/api/v1/conversations/{}/replies", office.put.maria);
    office
        .post_from(&api, &ana, &[], "cross-site")
        .await
        .is(403);
    let origin = Request::post(&path)
        .header(header::COOKIE, &ana)
        .header(header::HOST, "inbox.example.org")
        .header(header::ORIGIN, "https://elsewhere.example.org");
    office
        .send(origin.body(Body::empty()).unwrap())
        .await
        .is(403);
    office.post(&path, &ana, &[]).await.is(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_text_is_never_markup() {
    let office = Office::open(Bench::sqlite().await).await;
    let cy = office.sign_in("cy").await;
    for path in ["/inbox".to_owned(), format!("/inbox/{}", office.put.noor)] {
        let page = office.get(&path, &cy).await.is(200);
        page.says("&#60;script&#62;alert(1)&#60;/script&#62; &#38; when")
            .lacks("<script>alert");
    }
    let page = office
        .get("/inbox?find=%22%3E%3Cscript%3E", &cy)
        .await
        .is(200);
    page.lacks("\"><script>");
    let page = office
        .get("/sign-in?next=%22%3E%3Cscript%3E", "")
        .await
        .is(200);
    page.lacks("\"><script>");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_answers_and_refuses_in_its_own_words() {
    let office = Office::open(Bench::sqlite().await).await;
    let ana = office.sign_in("ana").await;
    for (path, status) in [
        ("conversations?limit=0", 400),
        ("conversations?limit=many", 400),
        ("conversations?cursor=x", 400),
        ("conversations?state=lost", 400),
        ("conversations?account=nowhere", 404),
        ("conversations?account=college", 200),
        ("voicemails?only=loud", 400),
        ("nothing", 404),
        ("openapi.json", 200),
    ] {
        let answer = office
            .get(&format!("/api/v1/{path}"), &ana)
            .await
            .is(status);
        let problem = answer.header("content-type") == "application/problem+json";
        assert_eq!(problem, status >= 400, "{path}");
    }
    let maria = office.put.maria;
    let path = format!("/api/v1/conversations/{maria}/replies");
    let reply = async |body: String| {
        let request = Request::post(&path)
            .header(header::COOKIE, &ana)
            .header(header::CONTENT_TYPE, "application/json");
        office.send(request.body(Body::from(body)).unwrap()).await
    };
    reply("{".to_owned()).await.is(400).says("bad_request");
    reply(r#"{"text":"Hi","read_version":0}"#.to_owned())
        .await
        .is(409)
        .says("thread_moved");
    let version = office.version(maria).await;
    let done = reply(format!(r#"{{"text":"Hi","read_version":{version}}}"#))
        .await
        .is(202);
    done.says("\"version\":");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_exactly_the_documented_fields() {
    let office = Office::open(Bench::sqlite().await).await;
    let ana = office.sign_in("ana").await;
    let read = async |path: String| -> serde_json::Value {
        let answer = office.get(&format!("/api/v1/{path}"), &ana).await.is(200);
        serde_json::from_str(&answer.body).unwrap()
    };
    let document = read("openapi.json".to_owned()).await;
    let check = |schema: &str, value: &serde_json::Value| {
        let path = format!("/components/schemas/{schema}/required");
        let fields: Vec<&str> = value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            document.pointer(&path),
            Some(&serde_json::json!(fields)),
            "{schema}"
        );
    };
    let thread = read(format!("conversations/{}", office.put.james)).await;
    check("Thread", &thread);
    check("Conversation", &thread["conversation"]);
    check("Contact", &thread["conversation"]["contact"]);
    check("Route", &thread["conversation"]["route"]);
    check("Assignment", &thread["conversation"]["assignment"]);
    let items = thread["items"].as_array().unwrap();
    for (kind, schema) in [("text", "Text"), ("event", "Event")] {
        check(
            schema,
            items.iter().find(|item| item["type"] == kind).unwrap(),
        );
    }
    check("ConversationPage", &read("conversations".to_owned()).await);
    let voicemails = read("voicemails".to_owned()).await;
    check("VoicemailPage", &voicemails);
    check("Voicemail", &voicemails["items"][0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_live_to_those_who_may_see_them() {
    let office = Office::open(Bench::sqlite().await).await;
    let listen = async |name: &str| {
        let cookie = office.sign_in(name).await;
        let request = Request::get("/live").header(header::COOKIE, cookie);
        let request = request.body(Body::empty()).unwrap();
        let response = office.routes.clone().oneshot(request).await.unwrap();
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        let mut body = response.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(
            first.starts_with(b"event: begin") || first.starts_with(b"retry"),
            "{first:?}"
        );
        body
    };
    let (mut ben, mut cy) = (listen("ben").await, listen("cy").await);
    let maria = office.put.maria;
    office.staff.receive(maria, "Are you there?").await;
    let told = ben.frame().await.unwrap().unwrap().into_data().unwrap();
    let told = String::from_utf8(told.to_vec()).unwrap();
    assert!(
        told.contains("event: changed") && told.contains(&maria.to_string()),
        "{told}"
    );
    assert!(!told.contains("Are you there"), "{told}");
    // Who falls behind is told to look at everything anew.
    for _ in 0..20 {
        office.staff.receive(maria, "Again").await;
    }
    let mut words = String::new();
    while !words.contains("event: reload") {
        let more = ben.frame().await.unwrap().unwrap().into_data().unwrap();
        words.push_str(&String::from_utf8_lossy(&more));
    }
    // The end of the node ends the streams; cy heard nothing of the clinic.
    office.staff.stopping.cancel();
    let mut rest = String::new();
    while let Some(Ok(frame)) = cy.frame().await {
        rest.push_str(&String::from_utf8_lossy(
            &frame.into_data().unwrap_or_default(),
        ));
    }
    assert!(!rest.contains("conv_"), "{rest}");
}
