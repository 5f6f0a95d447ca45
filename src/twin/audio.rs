//! Sounds and pictures that the twin hands out: made here, never stored.

use std::io::Cursor;

/// Seconds of sound made at most, whatever the recording claims.
pub(super) const SOUND_S_MAX: u32 = 600;

const RATE_HZ: u32 = 8_000;
const PICTURE: &[u8] = include_bytes!("assets/photo.png");

/// A WAV file of so many seconds: a soft two-tone pattern, so that a listener hears that it plays.
pub(super) fn wav(seconds: u32) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let written = hound::WavWriter::new(&mut file, spec).and_then(|mut writer| {
        for at in 0..seconds.min(SOUND_S_MAX) * RATE_HZ {
            writer.write_sample(sample(at))?;
        }
        writer.finalize()
    });
    // Writing into memory fails only beyond four gigabytes, which the bound above excludes.
    debug_assert!(written.is_ok());
    file.into_inner()
}

fn sample(at: u32) -> i16 {
    let beat = (at / (RATE_HZ / 4)) % 4;
    let hertz = [220.0_f64, 330.0, 247.0, 0.0][beat as usize % 4];
    let phase = f64::from(at) * hertz * std::f64::consts::TAU / f64::from(RATE_HZ);
    (phase.sin() * 6_000.0) as i16
}

/// An MP3 file of so many seconds of silence: one frame of MPEG-1 Layer III, mono, 32 kbit/s, again and again.
pub(super) fn mp3(seconds: u32) -> Vec<u8> {
    const FRAME_BYTES: usize = 104;
    const FRAMES_PER_100_S: usize = 3_829;
    let mut frame = [0_u8; FRAME_BYTES];
    frame[..4].copy_from_slice(&[0xff, 0xfb, 0x10, 0xc4]);
    let frames = seconds.min(SOUND_S_MAX) as usize * FRAMES_PER_100_S / 100 + 1;
    frame.repeat(frames)
}

/// What a picture or file of this type contains when the sender gave no content.
pub(super) fn sample_media(content_type: &str) -> Vec<u8> {
    match content_type {
        "image/png" => PICTURE.to_vec(),
        kind if kind.starts_with("audio/") => wav(2),
        _ => b"A sample file of the carrier twin.\n".to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wav_is_as_long_as_it_says() {
        let reader = hound::WavReader::new(Cursor::new(wav(3))).expect("a WAV file");
        assert_eq!(reader.duration(), 3 * RATE_HZ);
    }

    #[test]
    fn an_mp3_has_whole_frames() {
        let file = mp3(10);
        assert_eq!(file.len() % 104, 0);
        assert!(
            file.chunks(104)
                .all(|frame| frame.starts_with(&[0xff, 0xfb]))
        );
    }
}
