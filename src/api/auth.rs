//! Who is asking: a session's cookie becomes a member with the accounts, boxes and permissions they have
//! at this moment. The only place where a request gets an [`AccountScope`].

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use axum::extract::ConnectInfo;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Extensions, HeaderMap};

use super::door::Door;
use crate::ambient;
use crate::model::account::{Account, Route};
use crate::model::directory::Directory;
use crate::model::people::{Permission, User};
use crate::model::{AccountId, UserId};
use crate::net::forwarded;
use crate::store::{AccountScope, Sight, StoreError};

/// Every session ends after this, however much it is used.
pub(crate) const SESSION_LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// How exact the idle time is: a session is written no oftener.
const SESSION_SEEN_EVERY: Duration = Duration::from_secs(60);
/// How long a sign-in link lasts that nobody uses.
pub const LINK_LASTS: Duration = Duration::from_secs(24 * 3600);

/// The SHA-256 of a token; the token itself is never stored.
pub type TokenHash = [u8; 32];

/// A new secret: what the member carries, and what the store keeps of it.
pub fn new_token() -> (String, TokenHash) {
    let token = URL_SAFE_NO_PAD.encode(ambient::random_bytes::<32>());
    let hash = token_hash(&token);
    (token, hash)
}

/// What the store keeps of a token.
pub fn token_hash(token: &str) -> TokenHash {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash
}

/// A member of staff who is signed in, as the organisation knows them now.
#[derive(Clone)]
pub(crate) struct SignedIn {
    /// The organisation they were looked up in.
    pub(crate) directory: Arc<Directory>,
    /// Who.
    pub(crate) user: User,
    /// Their session.
    pub(crate) session: TokenHash,
    /// Their accounts, by name; never empty.
    pub(crate) accounts: Vec<AccountId>,
    /// What they have in the account they look at.
    pub(crate) place: Place,
}

/// A member's place in one of their accounts.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The account's data.
    pub(crate) scope: AccountScope,
    /// The boxes they see.
    pub(crate) sight: Sight,
    /// May begin a text, not only reply.
    pub(crate) may_start_texts: bool,
}

impl SignedIn {
    /// The account they look at.
    pub(crate) fn account(&self) -> Option<&Account> {
        self.directory.account(self.place.scope.account())
    }

    /// Their places, the current one first: so that a link into another of their accounts opens.
    pub(crate) fn places(&self) -> Vec<Place> {
        let current = self.place.scope.account();
        let others = self.accounts.iter().filter(|id| **id != current);
        let others = others.filter_map(|id| place(&self.directory, &self.user, *id));
        std::iter::once(self.place.clone()).chain(others).collect()
    }
}

/// Who is asking; `None` when nobody is signed in, or no longer.
pub(crate) async fn signed_in(
    door: &Door,
    cookies: &CookieJar,
) -> Result<Option<SignedIn>, StoreError> {
    let Some(cookie) = cookies.get(session_cookie_name(door)) else {
        return Ok(None);
    };
    let hash = token_hash(cookie.value());
    let now = door.now();
    let Some(session) = door.store().session(&hash).await? else {
        return Ok(None);
    };
    let idle = now.since(session.seen_at);
    if idle > door.settings.session_idle || now >= session.expires_at {
        door.store().session_end(&hash).await?;
        return Ok(None);
    }
    if idle >= SESSION_SEEN_EVERY {
        door.store().session_seen(&hash, now).await?;
    }
    let wanted = cookies.get(ACCOUNT_COOKIE).map(Cookie::value);
    let directory = door.staff.directory();
    Ok(member(directory, session.user, hash, wanted))
}

/// Begins a session and says the cookie that carries it.
pub(crate) async fn begin_session(
    door: &Door,
    user: UserId,
) -> Result<Cookie<'static>, StoreError> {
    let (token, hash) = new_token();
    let now = door.now();
    door.store()
        .session_begin(&hash, user, now, now + SESSION_LONGEST)
        .await?;
    Ok(session_cookie(door, token))
}

/// The cookie that takes the session away from the browser.
pub(crate) fn no_session_cookie(door: &Door) -> Cookie<'static> {
    let mut cookie = session_cookie(door, String::new());
    cookie.make_removal();
    cookie
}

/// The cookie that remembers the account last looked at; no secret, checked at each use.
pub(crate) fn account_cookie(door: &Door, key: &str) -> Cookie<'static> {
    plain_cookie(door, ACCOUNT_COOKIE, key.to_owned())
}

const ACCOUNT_COOKIE: &str = "signalbox_account";

fn session_cookie(door: &Door, token: String) -> Cookie<'static> {
    plain_cookie(door, session_cookie_name(door), token)
}

fn session_cookie_name(door: &Door) -> &'static str {
    // A browser takes a `__Host-` cookie only over https, so plain http on this machine needs another name.
    match door.settings.secure {
        true => "__Host-signalbox",
        false => "signalbox",
    }
}

fn plain_cookie(door: &Door, name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .secure(door.settings.secure)
        // Links from e-mails lead into the inbox, so the cookie must come along on a plain visit.
        .same_site(SameSite::Lax)
        .build()
}

/// The address to be slowed down: the client's, as far as trusted proxies tell.
pub(crate) fn address_of(
    door: &Door,
    extensions: &Extensions,
    headers: &HeaderMap,
) -> Option<IpAddr> {
    let peer: &ConnectInfo<SocketAddr> = extensions.get()?;
    Some(forwarded::client(
        peer.0.ip(),
        headers,
        &door.settings.trusted_proxies,
    ))
}

fn member(
    directory: Arc<Directory>,
    user: UserId,
    session: TokenHash,
    wanted: Option<&str>,
) -> Option<SignedIn> {
    let user = directory.user(user).filter(|user| user.active)?.clone();
    let mut accounts: Vec<&Account> = directory
        .accounts()
        .filter(|account| AccountScope::of_member(&user, account).is_some())
        .collect();
    accounts.sort_by(|a, b| (&a.name, &a.key).cmp(&(&b.name, &b.key)));
    let current = accounts
        .iter()
        .find(|account| Some(&account.key[..]) == wanted)
        .or(accounts.first())?
        .id;
    let accounts = accounts.iter().map(|account| account.id).collect();
    let place = place(&directory, &user, current)?;
    Some(SignedIn {
        directory,
        user,
        session,
        accounts,
        place,
    })
}

fn place(directory: &Directory, user: &User, account: AccountId) -> Option<Place> {
    let account = directory.account(account)?;
    let scope = AccountScope::of_member(user, account)?;
    let may = |wanted: Permission| user.admin || allowed(account, user.id, wanted);
    let groups = account
        .groups
        .iter()
        .filter(|group| group.members.contains(&user.id));
    let mine = std::iter::once(Route::User(user.id));
    Some(Place {
        scope,
        sight: Sight {
            all: may(Permission::SeesAllBoxes),
            boxes: mine
                .chain(groups.map(|group| Route::Group(group.id)))
                .collect(),
        },
        may_start_texts: may(Permission::MayStartTexts),
    })
}

fn allowed(account: &Account, user: UserId, wanted: Permission) -> bool {
    let roles = account.member(user).map_or(&[][..], |member| &member.roles);
    account
        .roles
        .iter()
        .any(|role| roles.contains(&role.id) && role.permissions.contains(&wanted))
}
