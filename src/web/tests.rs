//! The staff listener as a browser meets it: real store, real core, no sockets.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::routes;
use super::samples::{NOW, Put, TestStaff};
use crate::api::auth;
use crate::api::door::{Door, DoorSettings};
use crate::api::password::hash_password;
use crate::model::Timestamp;
use crate::store::Actor;
use crate::store::testing::{Bench, on_both};

/// A running staff listener.
struct Office {
    staff: Arc<TestStaff>,
    routes: Router,
    put: Put,
    clock: fn() -> Timestamp,
    _bench: Bench,
}

impl Office {
    async fn open(bench: Bench) -> Self {
        Self::at(bench, || NOW).await
    }

    async fn at(bench: Bench, clock: fn() -> Timestamp) -> Self {
        let (staff, put) = TestStaff::new(bench.store.clone()).await;
        let staff = Arc::new(staff);
        let door = Door::new(staff.clone(), DoorSettings::default()).with_clock(clock);
        Self {
            routes: routes(Arc::new(door)),
            staff,
            put,
            clock,
            _bench: bench,
        }
    }

    /// A cookie with a session of this user.
    async fn sign_in(&self, name: &str) -> String {
        let (token, hash) = auth::new_token();
        let (now, user) = ((self.clock)(), self.staff.sample.user(name));
        let ends = now + auth::SESSION_LONGEST;
        self.staff
            .store
            .session_begin(&hash, user, now, ends)
            .await
            .unwrap();
        format!("signalbox={token}; signalbox_account=clinic")
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.routes.clone().oneshot(request).await.unwrap()).await
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        let request = Request::get(path).header(header::COOKIE, cookie);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Answer {
        self.post_from(path, cookie, form, "same-origin").await
    }

    async fn post_from(
        &self,
        path: &str,
        cookie: &str,
        form: &[(&str, &str)],
        site: &str,
    ) -> Answer {
        let body: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = Request::post(path)
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", site);
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn version(&self, of: crate::model::ConversationId) -> String {
        let cookie = self.sign_in("ada").await;
        let page = self.get(&format!("/inbox/{of}?part=thread"), &cookie).await;
        let (_, rest) = page.body.split_once("data-version=\"").expect("a version");
        rest.split('"').next().unwrap().to_owned()
    }
}

/// What the form with this action calls itself.
#[track_caller]
fn form_of(page: &str, action: &str) -> String {
    let begin = format!("{action}\"");
    let (_, form) = page.split_once(&begin).expect("a form");
    let (_, value) = form.split_once("name=\"form\" value=\"").expect("a name");
    value.split('"').next().unwrap().to_owned()
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: String,
}

impl Answer {
    async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    #[track_caller]
    fn says(self, words: &str) -> Self {
        assert!(
            self.body.contains(words),
            "{words:?} is not in {}",
            self.body
        );
        self
    }

    #[track_caller]
    fn lacks(self, words: &str) -> Self {
        assert!(!self.body.contains(words), "{words:?} is in {}", self.body);
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signed_in_sees_only_the_way_in() {
    let office = Office::open(Bench::sqlite().await).await;
    for path in ["/", "/inbox", "/voicemails", "/me", "/ops", "/live"] {
        let answer = office.get(path, "").await.is(303);
        assert!(
            answer.header("location").starts_with("/sign-in?next="),
            "{path}"
        );
    }
    let path = format!("/inbox/{}?show=closed", office.put.maria);
    let to = office.get(&path, "signalbox=guess").await.is(303);
    assert!(
        to.header("location").ends_with("%3Fshow%3Dclosed"),
        "{}",
        to.header("location")
    );
    office
        .get("/api/v1/conversations", "")
        .await
        .is(401)
        .says("not_signed_in");
    let page = office.get("/sign-in", "").await.is(200).says("<form");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'self'")
    );
}

on_both! {
    async fn everyone_sees_their_own_boxes_and_no_others(bench: Bench) {
        let office = Office::open(bench).await;
        let put = &office.put;
        let thread = |id: &crate::model::ConversationId| format!("/inbox/{id}");
        let table = [
            // who, maria (front desk), james (billing, with ana), noor (college)
            ("ana", 200, 200, 404),
            ("ben", 200, 404, 404),
            ("cy", 404, 404, 200),
            ("lea", 200, 200, 404),
        ];
        for (who, maria, james, noor) in table {
            let cookie = office.sign_in(who).await;
            for (id, status) in [(&put.maria, maria), (&put.james, james), (&put.noor, noor)] {
                let seen = office.get(&thread(id), &cookie).await;
                assert_eq!(seen.status.as_u16(), status, "{who} {id}");
                let seen = office.get(&format!("/api/v1/conversations/{id}"), &cookie).await;
                assert_eq!(seen.status.as_u16(), status, "{who} {id} by the API");
            }
        }
        let ben = office.sign_in("ben").await;
        office.get("/inbox", &ben).await.is(200).says("María José Ortega").lacks("James Whitfield").lacks("Noor");
        let lea = office.sign_in("lea").await;
        office.get("/inbox", &lea).await.is(200).says("James Whitfield").lacks("Noor");
        // An administrator's link into another account changes to it.
        let ada = office.sign_in("ada").await;
        let to = office.get(&thread(&put.noor), &ada).await.is(303);
        assert!(to.header("set-cookie").starts_with("signalbox_account=college"));
        // A missing one and a foreign one look alike.
        let foreign = office.get(&thread(&put.noor), &ben).await.is(404);
        let missing = "conv_0192f0c1d2e37a4b8c5d6e7f80912a3b";
        let missing = office.get(&format!("/inbox/{missing}"), &ben).await.is(404);
        assert_eq!(foreign.body, missing.body);
        let cy = office.sign_in("cy").await;
        for verb in ["close", "reopen", "complete", "read"] {
            office.post(&format!("/inbox/{}/{verb}", put.maria), &cy, &[]).await.is(404);
        }
        let reply = [("text", "Hello"), ("read_version", "1")];
        office.post(&format!("/inbox/{}/reply", put.james), &ben, &reply).await.is(404);
    }

    async fn lists_are_filtered_and_paged(bench: Bench) {
        let office = Office::open(bench).await;
        let ana = office.sign_in("ana").await;
        let list = async |query: &str| office.get(&format!("/inbox?{query}"), &ana).await.is(200);
        list("part=rows").await.says("<b>office</b> open");
        list("show=closed").await.says("Ahmed Farouk").lacks("Priya");
        list("show=automated").await.says("Sam O&#39;Neill").lacks("Priya");
        list("show=mine").await.says("James Whitfield").lacks("Priya");
        list("box=group:billing").await.lacks("Priya");
        list("box=user:ana").await.says("James Whitfield").lacks("Priya");
        list("box=group:front-desk").await.says("Priya").lacks("James");
        list("find=luc%C3%ADa").await.says("Lucía Fernández").lacks("Priya");
        list("find=farouk").await.says("Ahmed Farouk").lacks("Priya");
        list("find=%28202%29+555-0144").await.says("James Whitfield").lacks("Priya");
        list("find=100%25").await.says("Nobody of that name");
        let page = async |query: &str| {
            let answer = office.get(&format!("/api/v1/conversations?limit=3{query}"), &ana).await.is(200);
            serde_json::from_str::<serde_json::Value>(&answer.body).unwrap()
        };
        let mut seen = vec![];
        let mut next = String::new();
        loop {
            let page = page(&next).await;
            let items = page["items"].as_array().unwrap();
            seen.extend(items.iter().map(|item| item["id"].to_string()));
            match page["next"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
        }
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!((seen.len(), once.len()), (11, 11));
    }

    async fn a_thread_shows_what_happened_and_which_way_texts_went(bench: Bench) {
        let office = Office::open(bench).await;
        let ana = office.sign_in("ana").await;
        let answer = office.get(&format!("/inbox/{}", office.put.maria), &ana).await.is(200);
        let told = ["Hello, can I get", "Front desk", "APPOINTMENT keyword", "Does that work", "Delivered as text", "Missed call", "Dr. Lee", "a little earlier"];
        let places: Vec<usize> = told.iter().map(|words| answer.body.rfind(words).expect(words)).collect();
        assert!(places[4..].is_sorted(), "{places:?}");
        answer.says("maria@example.org").says("medium").says("+1\u{a0}202\u{a0}555\u{a0}0143");
        let james = office.get(&format!("/inbox/{}", office.put.james), &ana).await.is(200);
        james
            .says("#refused").says("Not sent: the person has opted out of texts")
            .says("#email").says("Sent by e-mail, not as a text")
            .says("Opted out").says("They opted out: a reply goes by e-mail")
            .says("assigned to You").says("Back to Billing");
        let page = office.get(&format!("/api/v1/conversations/{}?limit=2", office.put.maria), &ana).await.is(200);
        let page: serde_json::Value = serde_json::from_str(&page.body).unwrap();
        assert_eq!(page["items"].as_array().unwrap().len(), 2);
        let next = page["next"].as_str().unwrap();
        let path = format!("/api/v1/conversations/{}?limit=100&cursor={next}", office.put.maria);
        let rest: serde_json::Value = serde_json::from_str(&office.get(&path, &ana).await.body).unwrap();
        assert_eq!(rest["items"].as_array().unwrap().len(), 6);
        assert!(rest["next"].is_null());
    }

    async fn replies_go_out_and_a_moved_thread_asks_first(bench: Bench) {
        let office = Office::open(bench).await;
        let ana = office.sign_in("ana").await;
        let maria = office.put.maria;
        office.get(&format!("/inbox/{maria}"), &ana).await.is(200);
        let path = format!("/inbox/{maria}/reply");
        let version = office.version(maria).await;
        let through = NOW.micros().to_string();
        let reply = |text, version| [("text", text), ("read_version", version), ("read_through", &through[..])].to_vec();
        office.post(&path, &ana, &reply("  ", &version)).await.is(422).says("Write something first");
        office.post(&path, &ana, &reply("Come at 14:30.\r\nRoom 2", &version)).await.is(303);
        let thread = office.get(&format!("/inbox/{maria}"), &ana).await;
        thread.says("Come at 14:30.\nRoom 2").says("On its way");
        // The same form once more is a moved thread, not a second text.
        let again = office.post(&path, &ana, &reply("Come at 14:30.\r\nRoom 2", &version)).await.is(409);
        again.says("changed since you read it").says("Send anyway");
        office.staff.receive(maria, "Never mind, Friday is fine").await;
        let version = office.version(maria).await;
        let stale = (version.parse::<i64>().unwrap() - 1).to_string();
        let moved = office.post(&path, &ana, &reply("See you at 14:30", &stale)).await.is(409);
        moved.says("Never mind, Friday").says("since you read this conversation").says(">See you at 14:30</textarea>");
        let mut anyway = reply("See you at 14:30", &stale);
        anyway.push(("anyway", "yes"));
        office.post(&path, &ana, &anyway).await.is(303);
    }

    async fn a_form_sent_twice_has_one_effect(bench: Bench) {
        let office = Office::open(bench).await;
        let ana = office.sign_in("ana").await;
        let maria = office.put.maria;
        let thread = || async { office.get(&format!("/inbox/{maria}"), &ana).await.is(200) };
        let path = format!("/inbox/{maria}/reply");
        let (form, version) = (form_of(&thread().await.body, "/reply"), office.version(maria).await);
        let reply = |text, version| [("text", text), ("read_version", version), ("form", &form[..])].to_vec();
        office.post(&path, &ana, &reply("Come at 14:30", &version)).await.is(303);
        // Sent again because nobody said what became of it, from a page that knows the thread as it is now.
        let now = office.version(maria).await;
        for version in [&version, &now] {
            office.post(&path, &ana, &reply("Come at 14:30", version)).await.is(303);
        }
        assert_eq!(thread().await.body.matches("Come at 14:30").count(), 2, "in the thread and in the list");
        // Other words are another text, and what was refused is no answer for ever.
        office.post(&path, &ana, &reply("Room 2", &version)).await.is(409);
        assert_ne!(form_of(&thread().await.body, "/reply"), form);
        office.post(&path, &ana, &reply("Room 2", &now)).await.is(303);
        thread().await.says("Room 2");

        let act = async |verb: &str| {
            let page = thread().await;
            let form = form_of(&page.body, &format!("/{verb}"));
            for _ in 0..2 {
                office.post(&format!("/inbox/{maria}/{verb}"), &ana, &[("form", &form)]).await.is(303);
            }
        };
        act("close").await;
        act("reopen").await;
        act("close").await;
        let page = office.get("/inbox/new", &ana).await;
        let form = form_of(&page.body, "/inbox/new");
        let start = [("program", "main"), ("to", "+12025550177"), ("text", "Hello from us"), ("form", &form)];
        let first = office.post("/inbox/new", &ana, &start).await.is(303);
        let again = office.post("/inbox/new", &ana, &start).await.is(303);
        assert_eq!(first.header("location"), again.header("location"));
        let begun = office.get(first.header("location"), &ana).await;
        assert_eq!(begun.body.matches("Hello from us").count(), 2);
    }

    async fn being_read_by_somebody_else_does_not_hold_a_reply_back(bench: Bench) {
        let office = Office::open(bench).await;
        let (ana, ben, lea) = (office.sign_in("ana").await, office.sign_in("ben").await, office.sign_in("lea").await);
        let maria = office.put.maria;
        let unread = async || {
            let list = office.get("/inbox?find=mar%C3%ADa&part=rows", &ana).await;
            list.body.contains("row unread")
        };
        let before = office.version(maria).await;
        // Who sees all boxes reads over shoulders: it stays unread for the members.
        office.get(&format!("/inbox/{maria}"), &lea).await.is(200);
        assert!(unread().await);
        office.get(&format!("/inbox/{maria}"), &ben).await.is(200);
        assert!(!unread().await);
        let form = [("text", "Come at 14:30"), ("read_version", &before[..])];
        office.post(&format!("/inbox/{maria}/reply"), &ana, &form).await.is(303);
    }

    async fn members_hand_over_close_and_judge(bench: Bench) {
        let office = Office::open(bench).await;
        let (ana, ben) = (office.sign_in("ana").await, office.sign_in("ben").await);
        let put = &office.put;
        let path = |verb: &str| format!("/inbox/{}/{verb}", put.maria);
        office.post(&path("assign"), &ben, &[("to", "group:nowhere")]).await.is(400);
        office.post(&path("assign"), &ben, &[("to", "user:cy")]).await.is(400);
        let to = office.post(&path("assign"), &ben, &[("to", "group:billing"), ("note", "Yours?")]).await.is(303);
        // It comes back to the front desk, so ben keeps seeing it.
        assert_eq!(to.header("location"), format!("/inbox/{}", put.maria));
        let page = office.get(&format!("/inbox/{}", put.maria), &ana).await;
        page.says("Ben Okafor assigned it to Billing").says("Yours?").says("Back to Front desk");
        office.post(&path("complete"), &ana, &[]).await.is(303);
        office.get(&format!("/inbox/{}", put.maria), &ana).await.says("Ana Ruiz completed it");
        office.post(&path("complete"), &ana, &[]).await.is(422).says("not assigned");
        office.post(&path("note"), &ana, &[("text", "Called her")]).await.is(303);
        office.post(&path("close"), &ana, &[]).await.is(303);
        office.get(&format!("/inbox/{}", put.maria), &ana).await.says("Open again").says("Called her");
        office.post(&path("reopen"), &ana, &[]).await.is(303);
        let judge = format!("/inbox/{}/judge", put.stranger);
        office.get(&format!("/inbox/{}", put.stranger), &ana).await.says("reads like a wish to stop");
        office.post(&judge, &ana, &[("out", "maybe")]).await.is(400);
        office.post(&judge, &ana, &[("out", "yes")]).await.is(303);
        let page = office.get(&format!("/inbox/{}", put.stranger), &ana).await;
        page.says("Opted out").lacks("Yes, opt them out");
    }

    async fn voicemails_are_heard_by_their_boxes_members_only(bench: Bench) {
        let office = Office::open(bench).await;
        let (ben, cy) = (office.sign_in("ben").await, office.sign_in("cy").await);
        let id = office.put.voicemail;
        let page = office.get("/voicemails", &ben).await.is(200);
        let (own, foreign) = (id.to_string(), office.put.college_voicemail.to_string());
        page.says(&own).lacks(&foreign).says("0:31").says("Missed call from").says("being fetched");
        office.get("/voicemails?show=missed", &ben).await.lacks(&own);
        let audio = format!("/voicemails/{id}/audio");
        office.get(&audio, &cy).await.is(404);
        let whole = office.get(&audio, &ben).await.is(200);
        assert_eq!(whole.header("content-type"), "audio/x-wav");
        assert_eq!(whole.header("content-length"), "496044");
        let ranged = async |range: &str| {
            let request = Request::get(&audio).header(header::COOKIE, &ben).header(header::RANGE, range);
            office.send(request.body(Body::empty()).unwrap()).await
        };
        let part = ranged("bytes=0-3").await.is(206).says("RIFF");
        assert_eq!(part.header("content-range"), "bytes 0-3/496044");
        ranged("bytes=999999999-").await.is(416);
        let heard = format!("/voicemails/{id}/heard");
        office.post(&heard, &cy, &[]).await.is(404);
        office.get("/inbox", &ben).await.says("2<span class=\"hidden\"> new");
        office.post(&heard, &ben, &[("back", "/voicemails?show=new")]).await.is(303);
        office.get("/inbox", &ben).await.says("1<span class=\"hidden\"> new");
        office.get("/voicemails?show=new", &ben).await.lacks(&own);
        let listed = office.get("/api/v1/voicemails?only=missed", &ben).await.is(200);
        let listed: serde_json::Value = serde_json::from_str(&listed.body).unwrap();
        assert_eq!(listed["items"][0]["missed_call"], true);
    }

    async fn sessions_end_by_idleness_age_and_choice(bench: Bench) {
        let office = Office::open(bench).await;
        let user = office.staff.sample.user("ana");
        let store = &office.staff.store;
        let hour = Duration::from_secs(3600);
        for (begun, seen, status) in [(1, 0, 200), (20, 11, 200), (20, 13, 303), (24 * 7 + 1, 0, 303)] {
            let (token, hash) = auth::new_token();
            let (begun, seen) = (NOW - hour * begun, NOW - hour * seen);
            store.session_begin(&hash, user, begun, begun + auth::SESSION_LONGEST).await.unwrap();
            store.session_seen(&hash, seen).await.unwrap();
            let answer = office.get("/inbox", &format!("signalbox={token}")).await;
            assert_eq!(answer.status.as_u16(), status, "begun {begun}, seen {seen}");
        }
        let cookie = office.sign_in("ana").await;
        office.get("/inbox", &cookie).await.is(200);
        let out = office.post("/sign-out", &cookie, &[]).await.is(303);
        assert!(out.header("set-cookie").contains("Max-Age=0"));
        office.get("/inbox", &cookie).await.is(303);
        let gone = office.sign_in("gone").await;
        office.get("/inbox", &gone).await.is(303);
    }

    async fn passwords_and_links_sign_in(bench: Bench) {
        let office = Office::open(bench).await;
        let (store, user) = (&office.staff.store, office.staff.sample.user("ana"));
        let stored = hash_password(&"a long enough one".into()).unwrap();
        store.set_password(&Actor::Node, user, stored, NOW).await.unwrap();
        let enter = async |user: &str, password: &str| {
            let form = [("user", user), ("password", password), ("next", "/voicemails")];
            office.post("/sign-in", "", &form).await
        };
        for name in ["ana", "Ana", "ana@example.org"] {
            let answer = enter(name, "a long enough one").await.is(303);
            assert_eq!(answer.header("location"), "/voicemails");
            let cookie = answer.header("set-cookie");
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
            let cookie = cookie.split(';').next().unwrap();
            office.get("/voicemails", cookie).await.is(200);
        }
        for (name, password) in [("ana", "a long enough two"), ("nobody", "a long enough one"), ("gone", "")] {
            enter(name, password).await.is(422).says("do not go together");
        }
        let (token, hash) = auth::new_token();
        store.link_make(&Actor::Node, &hash, user, NOW, NOW + auth::LINK_LASTS).await.unwrap();
        let path = format!("/sign-in/link?token={token}");
        office.get(&path, "").await.is(200).says("Ana Ruiz");
        let form = [("token", &token[..])];
        let (one, two) = tokio::join!(
            office.post("/sign-in/link", "", &form),
            office.post("/sign-in/link", "", &form)
        );
        let mut statuses = [one.status.as_u16(), two.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 410], "a link works once");
        office.get(&path, "").await.is(410).says("used already");
        let (token, hash) = auth::new_token();
        store.link_make(&Actor::Node, &hash, user, NOW - auth::LINK_LASTS, NOW).await.unwrap();
        office.post("/sign-in/link", "", &[("token", &token)]).await.is(410);
    }

    async fn presence_and_ops(bench: Bench) {
        let office = Office::open(bench).await;
        let (ana, ada) = (office.sign_in("ana").await, office.sign_in("ada").await);
        office.get("/me", &ana).await.says("You are <strong>available").says("Front desk");
        office.post("/me/presence", &ana, &[("presence", "away")]).await.is(303);
        office.get("/me", &ana).await.says("You are <strong>away");
        office.post("/me/presence", &ana, &[("presence", "asleep")]).await.is(400);
        office.get("/ops", &ana).await.is(403);
        office
            .get("/ops", &ada)
            .await
            .is(200)
            .says("events undecided");
    }

    async fn who_may_start_a_text_can(bench: Bench) {
        let office = Office::open(bench).await;
        let (ana, lea) = (office.sign_in("ana").await, office.sign_in("lea").await);
        office.get("/inbox", &lea).await.lacks("/inbox/new");
        office.get("/inbox/new", &lea).await.is(403);
        office.get("/inbox", &ana).await.says("/inbox/new");
        office.get("/inbox/new", &ana).await.is(200).says("Main");
        let send = async |to: &str, text: &str, cookie: &str| {
            let form = [("program", "main"), ("to", to), ("text", text)];
            office.post("/inbox/new", cookie, &form).await
        };
        send("+12025550177", "Hello", &lea).await.is(403);
        send("0177", "Hello", &ana).await.is(422).says("international form").says("Hello</textarea>");
        send("+12025550177", " ", &ana).await.is(422).says("Write something");
        let to = send("+1 (202) 555-0177", "Hello from us", &ana).await.is(303);
        let thread = office.get(to.header("location"), &ana).await.is(200);
        thread.says("Hello from us").says("555\u{a0}0177");
    }
}

mod guards;
