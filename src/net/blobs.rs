//! Recordings and media, one file each, in a folder that nodes may share. A stored file is on the disk, whole,
//! under its own name, or not there at all.

use std::fmt;
use std::ops::Range;
use std::path::Path as FolderPath;
use std::str::FromStr;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, pin_mut};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};

use crate::metrics;
use crate::model::AccountId;

/// Bytes written at a time.
const PIECE_BYTES: usize = 1 << 20;
/// Letters of an id in a key.
const ID_LETTERS_MAX: usize = 64;

/// File endings and the types they stand for; the first of a type is the one it gets.
const TYPES: &[(&str, &str)] = &[
    ("wav", "audio/x-wav"),
    ("wav", "audio/wav"),
    ("wav", "audio/vnd.wave"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("amr", "audio/amr"),
    ("3gp", "audio/3gpp"),
    ("m4a", "audio/mp4"),
    ("jpg", "image/jpeg"),
    ("png", "image/png"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("heic", "image/heic"),
    ("mp4", "video/mp4"),
    ("3gpp", "video/3gpp"),
    ("mov", "video/quicktime"),
    ("pdf", "application/pdf"),
    ("vcf", "text/vcard"),
    ("txt", "text/plain"),
];
/// The ending of what we do not know; shown as a download, never as a page.
const UNKNOWN: (&str, &str) = ("bin", "application/octet-stream");

/// The name of a file: `<account>/<kind>/<id>.<ending>`. Made only of parts that are checked, so that no key
/// leads out of the folder or into another account's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlobKey(String);

/// A text that is no such name, or parts that make none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected <account>/<kind>/<id>.<ending>")]
pub struct BlobKeyError;

impl BlobKey {
    /// The name of an account's file of a kind (`recording`, `media`, `greeting`), by our id of it and the type
    /// the other side gave it.
    pub fn new(
        account: AccountId,
        kind: &str,
        id: impl fmt::Display,
        content_type: &str,
    ) -> Result<Self, BlobKeyError> {
        let known = TYPES
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(content_type));
        let (ending, _) = known.unwrap_or(&UNKNOWN);
        format!("{account}/{kind}/{id}.{ending}").parse()
    }

    /// The account whose file it is.
    pub fn account(&self) -> Option<AccountId> {
        self.0.split('/').next()?.parse().ok()
    }

    /// The type its ending stands for.
    pub fn content_type(&self) -> &'static str {
        let ending = self.0.rsplit('.').next().unwrap_or("");
        TYPES
            .iter()
            .find(|(known, _)| *known == ending)
            .unwrap_or(&UNKNOWN)
            .1
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn path(&self) -> Path {
        Path::from(self.0.as_str())
    }
}

impl FromStr for BlobKey {
    type Err = BlobKeyError;

    fn from_str(text: &str) -> Result<Self, BlobKeyError> {
        let parts: Vec<&str> = text.split('/').collect();
        let [account, kind, file] = parts.as_slice() else {
            return Err(BlobKeyError);
        };
        let (id, ending) = file.split_once('.').ok_or(BlobKeyError)?;
        let lower = |text: &str| {
            !text.is_empty() && text.len() <= 16 && text.bytes().all(|b| b.is_ascii_lowercase())
        };
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        let id_fits = (1..=ID_LETTERS_MAX).contains(&id.len()) && id.bytes().all(plain);
        let known = ending == UNKNOWN.0 || TYPES.iter().any(|(name, _)| *name == ending);
        let fits = account.parse::<AccountId>().is_ok() && lower(kind) && id_fits && known;
        fits.then(|| Self(text.to_owned())).ok_or(BlobKeyError)
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a file could not be kept or given.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// The disk said no.
    #[error("the blob folder: {0}")]
    Store(object_store::Error),
    /// What was to be kept did not arrive whole.
    #[error("the file did not arrive whole: {0}")]
    Source(Box<dyn std::error::Error + Send + Sync>),
}

impl From<object_store::Error> for BlobError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            other => Self::Store(other),
        }
    }
}

/// The folder.
#[derive(Debug)]
pub struct Blobs {
    store: LocalFileSystem,
}

impl Blobs {
    /// The files under `folder`, which is made when it is not there.
    pub fn open(folder: &FolderPath) -> Result<Self, BlobError> {
        let failed = |error| object_store::Error::Generic {
            store: "folder",
            source: Box::new(error),
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self { store })
    }

    /// Keeps a file; one of the same name is replaced.
    pub async fn put(&self, key: &BlobKey, bytes: Bytes) -> Result<(), BlobError> {
        let result = self
            .store
            .put(&key.path(), PutPayload::from_bytes(bytes))
            .await;
        counted(result.map(|_| ()).map_err(BlobError::from))
    }

    /// Keeps a file as it arrives, and returns its length. When its source fails nothing is kept.
    pub async fn put_stream<E>(
        &self,
        key: &BlobKey,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<u64, BlobError>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let mut upload = self.store.put_multipart(&key.path()).await?;
        let result = match fill(upload.as_mut(), pieces).await {
            Ok(length) => upload
                .complete()
                .await
                .map(|_| length)
                .map_err(BlobError::from),
            Err(error) => {
                // What was written so far lies under another name and is removed with it.
                let _ = upload.abort().await;
                Err(error)
            }
        };
        counted(result)
    }

    /// The whole file.
    pub async fn get(&self, key: &BlobKey) -> Result<Bytes, BlobError> {
        Ok(self.store.get(&key.path()).await?.bytes().await?)
    }

    /// The length of a file in bytes.
    pub async fn length(&self, key: &BlobKey) -> Result<u64, BlobError> {
        Ok(self.store.head(&key.path()).await?.size)
    }

    /// A part of a file, for players that jump. It must lie within the file.
    pub async fn range(&self, key: &BlobKey, range: Range<u64>) -> Result<Bytes, BlobError> {
        Ok(self.store.get_range(&key.path(), range).await?)
    }

    /// Removes a file; one that is not there is removed already.
    pub async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        match self
            .store
            .delete(&key.path())
            .await
            .map_err(BlobError::from)
        {
            Err(BlobError::Missing) => Ok(()),
            result => result,
        }
    }
}

async fn fill<E>(
    upload: &mut dyn MultipartUpload,
    pieces: impl Stream<Item = Result<Bytes, E>>,
) -> Result<u64, BlobError>
where
    E: std::error::Error + Send + Sync + 'static,
{
    pin_mut!(pieces);
    let (mut held, mut length) = (Vec::new(), 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| BlobError::Source(Box::new(error)))?;
        length += piece.len() as u64;
        held.extend_from_slice(&piece);
        if held.len() >= PIECE_BYTES {
            upload
                .put_part(PutPayload::from(std::mem::take(&mut held)))
                .await?;
        }
    }
    upload.put_part(PutPayload::from(held)).await?;
    Ok(length)
}

fn counted<T>(result: Result<T, BlobError>) -> Result<T, BlobError> {
    metrics::blobs(if result.is_ok() { "stored" } else { "failed" });
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Ids, Timestamp, VoicemailId};
    use futures_util::stream;

    fn key(content_type: &str) -> BlobKey {
        let mut ids = Ids::new(Timestamp::from_micros(1_700_000_000_000_000), 1);
        let (account, id) = (ids.fresh(), ids.fresh::<VoicemailId>());
        BlobKey::new(account, "recording", id, content_type).unwrap()
    }

    #[test]
    fn keys_lead_nowhere_else() {
        let good = key("audio/mpeg");
        assert!(good.as_str().ends_with(".mp3"), "{good}");
        assert_eq!(good.content_type(), "audio/mpeg");
        assert_eq!(key("text/html").content_type(), "application/octet-stream");
        assert_eq!(good.as_str().parse(), Ok(good.clone()));
        let account = good.account().unwrap();
        for wrong in [
            "",
            "a/b/c.wav",
            &format!("{account}/recording/../x.wav"),
            &format!("{account}/../x.wav"),
            &format!("{account}/recording/x.html"),
            &format!("{account}/recording/.wav"),
            &format!("{account}/recording/x"),
            &format!("{account}/Recording/x.wav"),
            &format!("{account}/recording/x.y.wav"),
            &format!("/{account}/recording/x.wav"),
        ] {
            assert_eq!(wrong.parse::<BlobKey>(), Err(BlobKeyError), "{wrong}");
        }
    }

    #[tokio::test]
    async fn files_are_kept_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&folder.path().join("blobs")).unwrap();
        let key = key("audio/x-wav");
        assert!(matches!(blobs.get(&key).await, Err(BlobError::Missing)));
        blobs
            .put(&key, Bytes::from_static(b"0123456789"))
            .await
            .unwrap();
        assert_eq!(blobs.get(&key).await.unwrap(), "0123456789");
        assert_eq!(blobs.range(&key, 2..5).await.unwrap(), "234");
        assert_eq!(blobs.length(&key).await.unwrap(), 10);
        blobs.delete(&key).await.unwrap();
        blobs.delete(&key).await.unwrap();

        let broken: Vec<std::io::Result<Bytes>> = vec![
            Ok(Bytes::from(vec![0; PIECE_BYTES + 1])),
            Err(std::io::ErrorKind::BrokenPipe.into()),
        ];
        let refused = blobs.put_stream(&key, stream::iter(broken)).await;
        assert!(matches!(refused, Err(BlobError::Source(_))));
        assert!(matches!(blobs.length(&key).await, Err(BlobError::Missing)));

        let pieces = (0..3).map(|n| Ok::<_, std::io::Error>(Bytes::from(vec![n; PIECE_BYTES])));
        let length = blobs.put_stream(&key, stream::iter(pieces)).await.unwrap();
        assert_eq!(length, blobs.length(&key).await.unwrap());
        assert_eq!(blobs.range(&key, length - 1..length).await.unwrap()[0], 2);
    }
}
