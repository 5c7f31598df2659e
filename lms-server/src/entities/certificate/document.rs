//! A certificate as a document to print: one page, with a font of its own, so that it looks the same everywhere. What the
//! font lacks (Chinese, Japanese, Korean) shows as boxes.

use crud_core::{Error, Result};
use krilla::{
    Document,
    color::rgb,
    geom::{PathBuilder, Point, Rect},
    metadata::Metadata,
    num::NormalizedF32,
    page::PageSettings,
    paint::{Fill, Stroke},
    surface::Surface,
    text::{Font, TextDirection},
};

use super::CertificateGet;

/// A4, landscape, in points.
const WIDTH: f32 = 841.89;
const HEIGHT: f32 = 595.28;
const MARGIN: f32 = 85.0;
/// A letter of the font is about this wide, of its size.
const LETTER: f32 = 0.62;

const INK: Ink = [33, 37, 41];
const PALE: Ink = [108, 117, 125];
const MARK: Ink = [13, 71, 121];

/// Red, green and blue.
type Ink = [u8; 3];

/// The document, as PDF.
///
/// # Errors
/// 500 if the library cannot write it.
pub(crate) fn pdf(certificate: &CertificateGet) -> Result<Vec<u8>> {
    let font = Font::new(dejavu::sans::regular().into(), 0);
    let font = font.ok_or_else(|| Error::internal("the font of certificates cannot be read"))?;
    let size = PageSettings::from_wh(WIDTH, HEIGHT);
    let size = size.ok_or_else(|| Error::internal("the page of certificates has no size"))?;
    let mut document = Document::new();
    document.set_metadata(
        Metadata::new()
            .title(format!("Certificate: {}", certificate.course_title))
            .description(format!("Issued to {}", certificate.recipient_name))
            .keywords(vec![certificate.code.clone()])
            .language("en".to_owned()),
    );
    let mut page = document.start_page_with(size);
    write(page.surface(), font, certificate);
    page.finish();
    document
        .finish()
        .map_err(|error| Error::internal(format!("a certificate cannot be written: {error:?}")))
}

fn write(surface: Surface<'_>, font: Font, certificate: &CertificateGet) {
    let mut sheet = Sheet {
        surface,
        font,
        y: MARGIN,
    };
    sheet.frame();
    sheet.say("LMS PLATFORM", 12.0, PALE, 30.0);
    sheet.say("Certificate of completion", 34.0, MARK, 52.0);
    sheet.say("This certifies that", 13.0, PALE, 40.0);
    sheet.wrapped(&certificate.recipient_name, 28.0, INK);
    sheet.say("has completed the course", 13.0, PALE, 30.0);
    sheet.wrapped(&certificate.course_title, 22.0, INK);
    if let Some(result) = &certificate.result {
        sheet.say(&format!("with the result: {result}"), 13.0, PALE, 26.0);
    }
    sheet.y = HEIGHT - MARGIN - 24.0;
    let day = certificate.issued_at.datetime().format("%-d %B %Y");
    sheet.say(&format!("Issued on {day}"), 12.0, INK, 0.0);
    sheet.say(&format!("Code {}", certificate.code), 12.0, INK, 20.0);
    sheet.surface.finish();
}

fn color([red, green, blue]: Ink) -> rgb::Color {
    rgb::Color::new(red, green, blue)
}

/// A page that is written from top to bottom.
struct Sheet<'a> {
    surface: Surface<'a>,
    font: Font,
    y: f32,
}

impl Sheet<'_> {
    /// A line of text, `down` points below the one before.
    fn say(&mut self, text: &str, size: f32, ink: Ink, down: f32) {
        self.y += down;
        self.surface.set_stroke(None);
        self.surface.set_fill(Some(Fill {
            paint: color(ink).into(),
            opacity: NormalizedF32::ONE,
            rule: Default::default(),
        }));
        let at = Point::from_xy(MARGIN, self.y);
        let font = self.font.clone();
        self.surface
            .draw_text(at, font, size, text, false, TextDirection::Auto);
    }

    /// Text of any length, in lines that fit; the longer, the smaller.
    fn wrapped(&mut self, text: &str, size: f32, ink: Ink) {
        let size = match text.chars().count() {
            0..=80 => size,
            81..=160 => size * 0.75,
            _ => size * 0.55,
        };
        for line in lines(text, (WIDTH - 2.0 * MARGIN) / (size * LETTER)) {
            self.say(&line, size, ink, size * 1.4);
        }
        self.y += size * 0.3;
    }

    fn frame(&mut self) {
        let inset = 28.0;
        let border = Rect::from_xywh(inset, inset, WIDTH - 2.0 * inset, HEIGHT - 2.0 * inset);
        let Some(border) = border else { return };
        let mut path = PathBuilder::new();
        path.push_rect(border);
        let Some(path) = path.finish() else { return };
        self.surface.set_fill(None);
        self.surface.set_stroke(Some(Stroke {
            paint: color(MARK).into(),
            width: 2.0,
            ..Stroke::default()
        }));
        self.surface.draw_path(&path);
    }
}

/// Breaks a text between words, and words that are longer than a line.
fn lines(text: &str, letters: f32) -> Vec<String> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some dozens of letters"
    )]
    let most = (letters as usize).max(1);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word: Vec<char> = word.chars().collect();
        for piece in word.chunks(most) {
            let line = lines.last_mut().map_or(0, |line| line.chars().count());
            if line > 0 && line + 1 + piece.len() > most {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.extend(piece);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_broken_between_words_and_nothing_is_lost() {
        assert_eq!(lines("one two three", 7.0), ["one two", "three"]);
        assert_eq!(lines("abcdefghij", 4.0), ["abcd", "efgh", "ij"]);
        assert_eq!(lines("", 4.0), [""]);
    }
}
