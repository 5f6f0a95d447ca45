//! A member of staff at the pages, without a browser.

use std::sync::{Arc, Mutex};

use http::{StatusCode, header};
use reqwest::Response;

use super::stage::Stage;

/// Somebody signed in.
pub struct Staff {
    client: reqwest::Client,
    base: String,
    cookie: String,
}

impl Staff {
    /// Signs in by a link that the command line makes, and looks at this account.
    pub async fn sign_in(stage: &Stage, user: &str, account: &str) -> Self {
        let said = stage.run(&["user", "link", user, "--config", &stage.config()]);
        let token = said
            .split("token=")
            .nth(1)
            .unwrap_or_else(|| panic!("no link in {said:?}"));
        let token = token.split_whitespace().next().unwrap();
        let (client, base) = (stage.client(), stage.staff_url());
        let form = [("token", token)];
        let entered = client
            .post(format!("{base}/sign-in/link"))
            .form(&form)
            .send()
            .await
            .unwrap();
        let cookie = set_cookie(&entered).expect("a session");
        let mut staff = Self {
            client,
            base,
            cookie,
        };
        let request = staff
            .client
            .post(format!("{}/account", staff.base))
            .form(&[("account", account)]);
        let chosen = request
            .header(header::COOKIE, &staff.cookie)
            .send()
            .await
            .unwrap();
        if let Some(more) = set_cookie(&chosen) {
            staff.cookie = format!("{}; {more}", staff.cookie);
        }
        staff
    }

    pub async fn get(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.base));
        request
            .header(header::COOKIE, &self.cookie)
            .send()
            .await
            .unwrap()
    }

    /// What the live stream says from now on.
    pub async fn listen(&self) -> Arc<Mutex<String>> {
        let mut stream = self.get("/live").await;
        let heard = Arc::new(Mutex::new(String::new()));
        let told = heard.clone();
        let begun = stream.chunk().await.unwrap().expect("the stream begins");
        assert!(begun.starts_with(b"event: begin"));
        tokio::spawn(async move {
            while let Ok(Some(chunk)) = stream.chunk().await {
                told.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&chunk));
            }
        });
        heard
    }

    /// A page that must be there.
    pub async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.text().await.unwrap()
    }

    /// Posts a form; the status and the page that came.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> (StatusCode, String) {
        let request = self.client.post(format!("{}{path}", self.base)).form(form);
        let answer = request
            .header(header::COOKIE, &self.cookie)
            .send()
            .await
            .unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// The path of the only conversation of which the list shows these words.
    pub async fn conversation(&self, words: &str) -> String {
        let page = self.page("/inbox").await;
        let rows: Vec<&str> = page
            .split("id=\"row-")
            .skip(1)
            .filter(|row| row.contains(words))
            .collect();
        assert_eq!(rows.len(), 1, "rows with {words:?} in {page}");
        format!("/inbox/{}", rows[0].split('"').next().unwrap())
    }

    /// Replies in a conversation, having read all of it.
    pub async fn reply(&self, conversation: &str, text: &str) -> (StatusCode, String) {
        let page = self.page(conversation).await;
        let (version, through) = (value(&page, "read_version"), value(&page, "read_through"));
        let form = [
            ("text", text),
            ("read_version", &version),
            ("read_through", &through),
        ];
        self.post(&format!("{conversation}/reply"), &form).await
    }
}

/// The cookie that an answer sets.
fn set_cookie(answer: &Response) -> Option<String> {
    let cookie = answer.headers().get(header::SET_COOKIE)?.to_str().ok()?;
    cookie.split(';').next().map(str::to_owned)
}

/// The value of a hidden field of a page.
fn value(page: &str, name: &str) -> String {
    let field = page.split(&format!("name=\"{name}\" value=\"")).nth(1);
    let field = field.unwrap_or_else(|| panic!("no field {name} in {page}"));
    field.split('"').next().unwrap().to_owned()
}
