//! A page must be closed, inert and complete whatever the texts in it.

use super::super::themed::{paint, themed};
use super::*;

const LOSS: &str = include_str!("loss.svg");
const HOSTILE: &str = r#"</title></style><script>alert(1)</script>"'><img src=http://evil.example/ onerror=x>&amp;"#;

fn report(text: &str, svg: &str) -> Page {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\x6e\0\0\x01\x54".to_vec();
    let picture = |image| Picture { title: text.into(), caption: text.into(), image };
    Page {
        title: text.into(),
        subtitle: text.into(),
        figures: vec![Figure { name: text.into(), value: text.into(), note: text.into() }],
        tables: vec![Table { title: text.into(), header: vec![text.into(); 2], rows: vec![vec![text.into(); 2]] }],
        pictures: vec![picture(Image::Svg(svg.into())), picture(Image::Png(png))],
        settings: text.into(),
        footer: text.into(),
    }
}

/// The names of the opening tags, after a check that every tag is closed in its turn.
fn elements(html: &str) -> Vec<&str> {
    let (mut rest, mut open, mut seen) = (html, Vec::new(), Vec::new());
    while let Some((_, tag)) = rest.split_once('<') {
        let mut quoted = false;
        let end = tag.find(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let (tag, after) = tag.split_at(end.expect("a tag that ends"));
        rest = after;
        let name = tag.trim_start_matches('/').split_whitespace().next().unwrap().trim_end_matches('/');
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if name != "!DOCTYPE" {
            seen.push(name);
            if !tag.ends_with('/') && !["meta", "link", "img"].contains(&name) {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
    seen
}

#[test]
fn a_hostile_text_is_shown_and_does_nothing() {
    let (plain, hostile) = (report("plain", LOSS).to_html(), report(HOSTILE, LOSS).to_html());
    assert_eq!(elements(&plain), elements(&hostile));
    assert!(!hostile.contains("<script") && !hostile.contains("<img src"));
    assert_eq!(hostile.matches(&escape(HOSTILE)).count(), plain.matches("plain").count());
    assert_eq!(escape(r#"<a b="c" d='e'>&lt;"#), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;lt;");
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let html = report("plain", LOSS).to_html();
    let policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
    assert!(html.contains(&format!(r#"<meta http-equiv="Content-Security-Policy" content="{policy}">"#)));
    let others = html.replace("xmlns='http://www.w3.org/2000/svg'", "");
    assert!(!others.contains("http://") && !others.contains("https://") && !others.contains("url("));
    assert!(html.contains(r#"width="1134" height="340""#));
}

#[test]
fn what_is_not_there_leaves_no_trace() {
    let html = Page::default().to_html();
    assert_eq!(elements(&html).iter().filter(|name| ["dl", "table", "figure", "details"].contains(name)).count(), 0);
    let damaged = Picture { title: String::new(), caption: String::new(), image: Image::Png(vec![1, 2, 3]) };
    elements(&damaged.to_html());
}

#[test]
fn a_chart_follows_the_theme() {
    let chart = themed(&format!("<?xml version=\"1.0\"?>\n<!DOCTYPE svg>\n{LOSS}")).unwrap();
    assert!(chart.starts_with(r#"<svg viewBox="0 0 860 520" style="--width:860px">"#));
    assert_eq!(elements(&chart), elements(LOSS));
    assert!(!chart.contains("#000000") && !chart.contains("#FFFFFF") && !chart.contains("http"));
    assert_eq!(chart.matches("#1F77B4").count(), LOSS.matches("#1F77B4").count());
    assert!(chart.contains(r#"<line opacity="0.08" stroke="currentColor""#));
    assert!(chart.contains(r#"fill="var(--card)""#));
    assert_eq!(paint("fill", "#7F7F7F"), "#7F7F7F");
    assert_eq!(paint("stroke", "#333333"), r#"currentColor" stroke-opacity="0.80"#);
}

#[test]
fn a_chart_is_only_drawn_never_run() {
    for inside in ["<script>x</script>", "<style>*{}</style>", "<a href=\"x\">x</a>", "<!-- -->", "<g>", "</svg", "<"] {
        let svg = format!("<svg viewBox=\"0 0 1 1\">{inside}</svg>");
        assert_eq!(themed(&svg), None, "{inside}");
        let html = report("plain", &svg).to_html();
        assert!(elements(&html).contains(&"figure") && html.contains("data:image/svg+xml;base64,"));
    }
    let sly = r#"<svg onload="x" viewBox="0 0 1 1" viewBox="a b c"><rect onclick="y" href="z" x="1"/></svg><p>"#;
    assert_eq!(themed(sly), None);
    let sly = sly.replace(r#" viewBox="a b c""#, "");
    assert_eq!(themed(&sly).unwrap(), r#"<svg viewBox="0 0 1 1" style="--width:1px"><rect x="1"/></svg>"#);
    assert_eq!(themed("not a chart"), None);
}
