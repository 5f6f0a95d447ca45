//! `signalbox user`: gives members of staff a password or a link that signs in once.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use secrecy::SecretString;

use crate::ambient;
use crate::api::auth::{self, LINK_LASTS};
use crate::api::password::{PASSWORD_BYTES_MAX, hash_password};
use crate::model::UserId;
use crate::model::directory::Directory;
use crate::store::{Actor, Store};

/// For whom, and in which store.
#[derive(Debug, Args)]
pub struct UserArgs {
    /// The configuration that names the store.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "config/signalbox.yaml",
        global = true
    )]
    pub config: PathBuf,
    /// What is done.
    #[command(subcommand)]
    pub command: UserCommand,
}

/// What can be done for a user.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Gives a user a new password, read from the standard input; their sessions end.
    ///
    /// Example: signalbox user password ana < password.txt
    Password {
        /// The user's key.
        key: String,
    },
    /// Prints a link that signs the user in once, within a day.
    ///
    /// Example: signalbox user link ana
    Link {
        /// The user's key.
        key: String,
        /// Where the pages are reached; without it, as the configuration says.
        #[arg(long, value_name = "URL")]
        at: Option<String>,
    },
}

/// Carries out the command; what it prints goes to `out`.
///
/// # Errors
/// There is no such user, they have left, the password is not fit, or the store could not be written.
pub async fn run(
    command: &UserCommand,
    store: &Store,
    directory: &Directory,
    staff_url: &str,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let actor = Actor::Cli(login());
    match command {
        UserCommand::Password { key } => {
            let user = active(directory, key)?;
            let password = read_password()?;
            set_password(store, &actor, user, &password).await?;
            writeln!(out, "{key} has a new password; their sessions have ended.")?;
        }
        UserCommand::Link { key, at } => {
            let at = at.as_deref().unwrap_or(staff_url);
            let link = link(store, directory, key, at).await?;
            writeln!(out, "{link}")?;
        }
    }
    Ok(())
}

/// Gives a user a password; their sessions and links end.
///
/// # Errors
/// The password is too short or too long, or the store could not be written.
pub async fn set_password(
    store: &Store,
    actor: &Actor,
    user: UserId,
    password: &SecretString,
) -> anyhow::Result<()> {
    let stored = hash_password(password)?;
    store
        .set_password(actor, user, stored, ambient::now())
        .await?;
    Ok(())
}

/// Makes a link below `at` that signs a user in once, within a day.
///
/// # Errors
/// There is no such user, they have left, or the store could not be written.
pub async fn link(
    store: &Store,
    directory: &Directory,
    key: &str,
    at: &str,
) -> anyhow::Result<String> {
    let user = active(directory, key)?;
    let (token, hash) = auth::new_token();
    let (actor, now) = (Actor::Cli(login()), ambient::now());
    store
        .link_make(&actor, &hash, user, now, now + LINK_LASTS)
        .await?;
    let at = at.trim_end_matches('/');
    Ok(format!("{at}/sign-in/link?token={token}"))
}

fn active(directory: &Directory, key: &str) -> anyhow::Result<UserId> {
    match directory.user_by_key(key) {
        None => bail!("there is no user {key:?}"),
        Some(user) if !user.active => bail!("{key:?} has left and cannot sign in"),
        Some(user) => Ok(user.id),
    }
}

/// One line of the standard input. Nothing is taken from the arguments: other users of the machine see them.
fn read_password() -> anyhow::Result<SecretString> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprint!("New password (at least 10 characters, shown as typed): ");
    }
    let mut line = String::new();
    // With its line end, and a byte more than fits, so that too long a one is refused as such.
    let most = PASSWORD_BYTES_MAX as u64 + 2;
    let read = input.lock().take(most).read_line(&mut line);
    read.context("the password could not be read from the standard input")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("no password came in on the standard input");
    }
    Ok(SecretString::from(password))
}

/// Who works at this terminal, as far as the system says so: the name of the account that this process runs as, or its
/// number where the system's own list has none. Of the superuser it is taken who became that by `sudo`; anybody else could
/// have written so into the environment.
pub(super) fn login() -> String {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    login_of(own_uid(), &accounts, std::env::var("SUDO_USER").ok())
}

fn login_of(uid: Option<u32>, accounts: &str, sudo: Option<String>) -> String {
    let Some(uid) = uid else {
        return "unknown".to_owned();
    };
    let sudo = sudo.filter(|name| uid == 0 && !name.is_empty());
    sudo.unwrap_or_else(|| match name_of(uid, accounts) {
        Some(name) => name.to_owned(),
        None => format!("uid-{uid}"),
    })
}

/// The name of an account in the form of `/etc/passwd`: name, password, number, and more, with colons between them.
fn name_of(uid: u32, accounts: &str) -> Option<&str> {
    let lines = accounts.lines().map(|line| line.split(':'));
    let mut named = lines.filter_map(|mut parts| Some((parts.next()?, parts.nth(1)?)));
    let found = named.find(|(_, number)| number.parse() == Ok(uid));
    found.map(|(name, _)| name).filter(|name| !name.is_empty())
}

/// The number of the account that this process runs as; that of its own entry under `/proc`, where there is that.
fn own_uid() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let entry = std::fs::metadata("/proc/self").ok()?;
    Some(entry.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_works_here_is_what_the_system_says() {
        let accounts = "root:x:0:0:root:/root:/bin/bash\nodd\n:x:9::\ncarla:x:1001:1001::/home/carla:/bin/sh\n";
        let check = |uid, sudo: &str, expected: &str| {
            let sudo = Some(sudo.to_owned()).filter(|name| !name.is_empty());
            assert_eq!(login_of(uid, accounts, sudo), expected, "{uid:?}");
        };
        check(None, "ana", "unknown");
        check(Some(1001), "", "carla");
        // Whoever is not the superuser writes this into the environment as they like.
        check(Some(1001), "ana", "carla");
        check(Some(0), "ana", "ana");
        check(Some(0), "", "root");
        check(Some(1002), "", "uid-1002");
        check(Some(9), "", "uid-9");
    }
}
