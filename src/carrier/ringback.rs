//! The tone that a caller hears while members are rung: where a carrier's own ringing ends as soon as it
//! puts the caller into a room, it plays this file.

use std::io::Cursor;
use std::sync::OnceLock;

use bytes::Bytes;
use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

const RATE_HZ: u32 = 8000;
/// The North American ringing tone: two notes for two seconds, then four seconds of silence.
const NOTES_HZ: [f32; 2] = [440.0, 480.0];
const TONE_S: u32 = 2;
const SILENCE_S: u32 = 4;
/// A part of full scale: two notes together at -19 dBm sound like the ringing of a telephone network.
const LOUDNESS: f32 = 0.12;

/// The answer to a carrier that fetches the tone (`GET` of the hook `hold`). It is the same for all and
/// holds nothing of anybody's, so it is given to whoever asks.
pub fn ringback() -> Response<Bytes> {
    static FILE: OnceLock<Bytes> = OnceLock::new();
    let mut response = Response::new(FILE.get_or_init(file).clone());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    let day = HeaderValue::from_static("public, max-age=86400");
    headers.insert(CACHE_CONTROL, day);
    response
}

/// Empty should the tone not be written, which memory always allows.
fn file() -> Bytes {
    let mut file = Cursor::new(Vec::new());
    match write(&mut file) {
        Ok(()) => file.into_inner().into(),
        Err(_) => Bytes::new(),
    }
}

fn write(file: &mut Cursor<Vec<u8>>) -> hound::Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE_HZ,
        bits_per_sample: 8,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::new(file, spec)?;
    for at in 0..(TONE_S + SILENCE_S) * RATE_HZ {
        wav.write_sample(sample(at))?;
    }
    wav.finalize()
}

fn sample(at: u32) -> i8 {
    if at >= TONE_S * RATE_HZ {
        return 0;
    }
    let seconds = at as f32 / RATE_HZ as f32;
    let wave = |note: f32| (std::f32::consts::TAU * note * seconds).sin();
    let level: f32 = NOTES_HZ.into_iter().map(wave).sum::<f32>() * LOUDNESS;
    (level * f32::from(i8::MAX)) as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_seconds_of_ringing() {
        let file = ringback().into_body();
        let wav = hound::WavReader::new(file.as_ref()).unwrap();
        assert_eq!(wav.duration(), 6 * RATE_HZ);
        let loud = wav
            .into_samples::<i8>()
            .filter(|it| it.as_ref().is_ok_and(|level| level.abs() > 5));
        assert!(loud.count() > RATE_HZ as usize);
    }
}
