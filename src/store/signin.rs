//! How users prove who they are: passwords, sessions, links that sign in once; and whether they can be rung.
//!
//! None of it is account data. Of tokens only the SHA-256 is kept.

use std::time::Duration;

use serde::Deserialize;

use crate::model::{Id, Timestamp, UserId};

use super::both::{Sql, sql};
use super::pools::{Arg, Given};
use super::{Actor, Store, StoreError};

/// Sessions of one user; the oldest gives way to a new one.
const SESSIONS_MAX: i64 = 20;
/// How long a used or expired link is kept.
const LINKS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// A signed-in browser.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Session {
    /// Whose.
    pub user: UserId,
    /// When it was last used, to about a minute.
    pub seen_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
}

#[derive(Deserialize)]
struct UserOnly {
    user: UserId,
}

impl Store {
    /// The stored form of a user's password; `None`: they have none.
    pub async fn password(&self, user: UserId) -> Result<Option<String>, StoreError> {
        #[derive(Deserialize)]
        struct Found {
            password_hash: String,
        }
        let sql = sql!("SELECT doc!(s: password_hash text) FROM sign_in s WHERE s.user_id = $1");
        let found: Vec<Found> = self
            .inner
            .pools
            .list("sign_in", sql, &[Arg::Id(user.uuid())])
            .await?;
        Ok(found.into_iter().next().map(|found| found.password_hash))
    }

    /// Gives a user a password (its stored form). Their sessions and links end, so that whoever knew the old
    /// one is out.
    pub async fn set_password(
        &self,
        actor: &Actor,
        user: UserId,
        stored: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.save(vec![
            (
                sql!(
                    "INSERT INTO sign_in (user_id, password_hash, changed_at) VALUES ($1, $2, $3) \
                     ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, \
                     changed_at = excluded.changed_at"
                ),
                vec![
                    Given::Id(user.uuid()),
                    Given::Text(stored),
                    Given::Int(now.micros()),
                ],
            ),
            (
                sql!("DELETE FROM session WHERE user_id = $1"),
                vec![Given::Id(user.uuid())],
            ),
            (
                sql!("DELETE FROM sign_in_link WHERE user_id = $1"),
                vec![Given::Id(user.uuid())],
            ),
            audit(actor, now, format!("password of {user} set")),
        ])
        .await?;
        Ok(())
    }

    /// Begins a session. What has expired goes, and a user's oldest when they have too many.
    pub async fn session_begin(
        &self,
        token: &[u8; 32],
        user: UserId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.save(vec![
            (
                sql!("DELETE FROM session WHERE expires_at <= $1"),
                vec![Given::Int(now.micros())],
            ),
            (
                sql!(
                    "DELETE FROM session WHERE user_id = $1 AND token_hash NOT IN (SELECT s.token_hash \
                     FROM session s WHERE s.user_id = $1 ORDER BY s.seen_at DESC, s.token_hash LIMIT $2)"
                ),
                vec![Given::Id(user.uuid()), Given::Int(SESSIONS_MAX - 1)],
            ),
            (
                sql!(
                    "INSERT INTO session (token_hash, user_id, created_at, seen_at, expires_at) \
                     VALUES ($1, $2, $3, $3, $4)"
                ),
                vec![
                    Given::Text(hex(token)),
                    Given::Id(user.uuid()),
                    Given::Int(now.micros()),
                    Given::Int(expires_at.micros()),
                ],
            ),
        ])
        .await?;
        Ok(())
    }

    /// The session of a token; whether it is still good is for the caller to say.
    pub async fn session(&self, token: &[u8; 32]) -> Result<Option<Session>, StoreError> {
        let sql = sql!(
            "SELECT doc!(s: user_id=user id(user), seen_at i64, expires_at i64) FROM session s \
             WHERE s.token_hash = $1"
        );
        let hex = hex(token);
        let found = self
            .inner
            .pools
            .list("session", sql, &[Arg::Text(&hex)])
            .await?;
        Ok(found.into_iter().next())
    }

    /// Notes that a session was used.
    pub async fn session_seen(&self, token: &[u8; 32], now: Timestamp) -> Result<(), StoreError> {
        self.write(
            sql!("UPDATE session SET seen_at = $2 WHERE token_hash = $1 AND seen_at < $2"),
            vec![Given::Text(hex(token)), Given::Int(now.micros())],
        )
        .await?;
        Ok(())
    }

    /// Ends a session.
    pub async fn session_end(&self, token: &[u8; 32]) -> Result<(), StoreError> {
        self.write(
            sql!("DELETE FROM session WHERE token_hash = $1"),
            vec![Given::Text(hex(token))],
        )
        .await?;
        Ok(())
    }

    /// Makes a link that signs in once.
    pub async fn link_make(
        &self,
        actor: &Actor,
        token: &[u8; 32],
        user: UserId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.save(vec![
            (
                sql!("DELETE FROM sign_in_link WHERE expires_at <= $1"),
                vec![Given::Int((now - LINKS_KEPT).micros())],
            ),
            (
                sql!(
                    "INSERT INTO sign_in_link (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)"
                ),
                vec![
                    Given::Text(hex(token)),
                    Given::Id(user.uuid()),
                    Given::Int(now.micros()),
                    Given::Int(expires_at.micros()),
                ],
            ),
            audit(actor, now, format!("sign-in link for {user} made")),
        ])
        .await?;
        Ok(())
    }

    /// Whom a link would sign in; `None`: it was used, is too old or never was. It stays as it is.
    pub async fn link_user(
        &self,
        token: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        let sql = sql!(
            "SELECT doc!(l: user_id=user id(user)) FROM sign_in_link l WHERE l.token_hash = $1 \
             AND l.used_at IS NULL AND l.expires_at > $2"
        );
        let hex = hex(token);
        let args = [Arg::Text(&hex), Arg::Int(now.micros())];
        let found: Vec<UserOnly> = self.inner.pools.list("sign_in_link", sql, &args).await?;
        Ok(found.into_iter().next().map(|found| found.user))
    }

    /// Uses a link up, and says whom it signs in; of several at once only one gets an answer.
    pub async fn link_use(
        &self,
        token: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        let user = self.link_user(token, now).await?;
        let used = self
            .save(vec![(
                sql!(
                    "UPDATE sign_in_link SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2"
                ),
                vec![Given::Text(hex(token)), Given::Int(now.micros())],
            )])
            .await?;
        Ok(user.filter(|_| used == 1))
    }

    /// Whether a user said that they are away.
    pub async fn away(&self, user: UserId) -> Result<bool, StoreError> {
        #[derive(Deserialize)]
        struct Found {
            offline: bool,
        }
        let sql = sql!("SELECT doc!(p: offline bool) FROM presence p WHERE p.user_id = $1");
        let found: Vec<Found> = self
            .inner
            .pools
            .list("presence", sql, &[Arg::Id(user.uuid())])
            .await?;
        Ok(found.first().is_some_and(|found| found.offline))
    }

    /// A user says whether they are away: calls skip who is.
    pub async fn set_away(
        &self,
        user: UserId,
        away: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = match away {
            true => sql!(
                "INSERT INTO presence (user_id, offline, at) VALUES ($1, true, $2) \
                 ON CONFLICT (user_id) DO UPDATE SET offline = true, at = excluded.at"
            ),
            false => sql!(
                "INSERT INTO presence (user_id, offline, at) VALUES ($1, false, $2) \
                 ON CONFLICT (user_id) DO UPDATE SET offline = false, at = excluded.at"
            ),
        };
        self.save(vec![(
            sql,
            vec![Given::Id(user.uuid()), Given::Int(now.micros())],
        )])
        .await?;
        Ok(())
    }

    /// Runs statements in one transaction; how many rows the last one touched.
    async fn save(&self, work: Vec<(&'static Sql, Vec<Given>)>) -> Result<u64, StoreError> {
        let pools = self.inner.pools.clone();
        self.apart(async move {
            let mut tx = pools.begin().await?;
            let mut touched = 0;
            for (sql, given) in &work {
                let args: Vec<Arg<'_>> = given.iter().map(Given::arg).collect();
                touched = tx.run(sql, &args).await?;
            }
            tx.commit().await?;
            Ok(touched)
        })
        .await
    }
}

fn audit(actor: &Actor, now: Timestamp, what: String) -> (&'static Sql, Vec<Given>) {
    (
        sql!("INSERT INTO audit (at, actor, what) VALUES ($1, $2, $3)"),
        vec![
            Given::Int(now.micros()),
            Given::Text(actor.to_string()),
            Given::Text(what),
        ],
    )
}

fn hex(token: &[u8; 32]) -> String {
    token.iter().map(|byte| format!("{byte:02x}")).collect()
}
