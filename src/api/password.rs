//! Passwords: made and compared with Argon2id, a few at a time, off the threads that serve requests.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};

use super::door::Door;
use crate::ambient;

/// Characters of the shortest password taken.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Bytes of the longest password looked at.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// Compared with when there is no such user, so that the answer takes as long. No password gives it.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2lnbmFsYm94LW5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short to be safe.
    #[error("a password needs at least 10 characters")]
    Short,
    /// Longer than is looked at.
    #[error("a password has at most 1024 bytes")]
    Long,
    /// The hash could not be made.
    #[error("the password could not be hashed")]
    Hash,
}

/// The form of a new password that is stored (PHC string). Takes some 20 ms and 19 MiB.
pub fn hash_password(password: &SecretString) -> Result<String, PasswordError> {
    let password = password.expose_secret();
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(PasswordError::Short);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordError::Long);
    }
    let salt = ambient::random_bytes::<16>();
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|_| PasswordError::Hash)
}

/// Whether it is the password of this stored form. As slow when there is none.
fn is_password(password: &SecretString, stored: Option<&str>) -> bool {
    let Ok(hash) = PasswordHash::new(stored.unwrap_or(NOBODY)) else {
        return false;
    };
    let same = Argon2::default()
        .verify_password(password.expose_secret().as_bytes(), &hash)
        .is_ok();
    same && stored.is_some()
}

/// Compares off the serving threads; `None` when too many wait already.
pub(crate) async fn check_password(
    door: &Door,
    password: SecretString,
    stored: Option<String>,
) -> Option<bool> {
    if password.expose_secret().len() > PASSWORD_BYTES_MAX {
        return Some(false);
    }
    let _waiting = door.hashing_waiting.clone().try_acquire_owned().ok()?;
    let turn = door.hashing.clone().acquire_owned().await.ok()?;
    tokio::task::spawn_blocking(move || {
        let same = is_password(&password, stored.as_deref());
        drop(turn);
        same
    })
    .await
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_passes() {
        let right = SecretString::from("correct horse battery");
        let stored = hash_password(&right).unwrap();
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        assert!(is_password(&right, Some(&stored)));
        assert!(!is_password(&"correct horse".into(), Some(&stored)));
        assert!(!is_password(&right, None));
        assert!(!is_password(&right, Some("nonsense")));
        assert_eq!(hash_password(&"short".into()), Err(PasswordError::Short));
        assert!(PasswordHash::new(NOBODY).is_ok());
    }
}
