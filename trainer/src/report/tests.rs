//! A page must be closed, inert and complete whatever the texts in it.

use super::*;

const HOSTILE: &str = r#"</title></style><script>alert(1)</script>"'><img src=http://evil.example/ onerror=x>&amp;"#;

fn report(text: &str) -> Page {
    let picture = |image| Picture { title: text.into(), caption: text.into(), image };
    let strip = Strip { name: text.into(), png: vec![1, 2, 3], width: 1134, height: 340 };
    let scale = Scale { name: text.into(), low: text.into(), high: text.into(), png: vec![] };
    Page {
        title: text.into(),
        subtitle: text.into(),
        alert: Some(Alert { failed: true, title: text.into(), sentences: vec![text.into(); 2] }),
        figures: vec![Figure { name: text.into(), value: text.into(), note: text.into() }],
        tables: vec![Table {
            title: text.into(),
            header: vec![text.into(); 2],
            rows: vec![vec![text.into(); 2]],
            note: Some(text.into()),
        }],
        pictures: vec![
            picture(Image::Chart(["<svg><path d=\"M0 0\"/></svg>".into(), "<svg></svg>".into()])),
            picture(Image::Strips { strips: vec![strip], scale: Some(scale) }),
        ],
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
    let (plain, hostile) = (report("plain").to_html(), report(HOSTILE).to_html());
    let without_spans = |html| elements(html).into_iter().filter(|name| *name != "span").collect::<Vec<_>>();
    assert_eq!(without_spans(&plain), without_spans(&hostile));
    assert!(!hostile.contains("<script") && !hostile.contains("<img src"));
    let escaped = HOSTILE.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;");
    let escaped = escaped.replace('"', "&#34;").replace('\'', "&#39;");
    // The card's value has its spaces replaced, so that it does not break within a number.
    assert_eq!(hostile.matches(&escaped).count() + 1, plain.matches("plain").count());
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let html = report("plain").to_html();
    let policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
    assert!(html.contains(&format!(r#"<meta http-equiv="Content-Security-Policy" content="{policy}">"#)));
    let others = html.replace("xmlns=&#39;http://www.w3.org/2000/svg&#39;", "");
    assert!(!others.contains("http://") && !others.contains("https://") && !others.contains("url("));
    assert!(html.contains(r#"width="1134" height="340""#));
}

#[test]
fn what_is_not_there_leaves_no_trace() {
    let html = Page::default().to_html();
    assert_eq!(elements(&html).iter().filter(|name| ["dl", "table", "figure", "details"].contains(name)).count(), 0);
}

#[test]
fn a_number_stays_with_its_unit_and_no_line_ends_within() {
    let words = |value: &str| Figure { value: value.into(), ..Figure::default() }.words();
    assert_eq!(words("4 min 10 s"), ["4\u{a0}min", "10\u{a0}s"]);
    assert_eq!(words("-105.6 nats"), ["-105.6\u{a0}nats"]);
    assert_eq!(words("0.0917"), ["0.0917"]);
    assert!(words("").is_empty());
}

#[test]
fn a_unit_is_tied_to_its_number_an_epoch_too_and_words_are_not() {
    for (text, expected) in [
        ("25.48 dB", "25.48\u{a0}dB"),
        ("over 99.9 % zeros", "over 99.9\u{a0}% zeros"),
        ("26 ms per epoch, cpu", "26\u{a0}ms per epoch, cpu"),
        ("rows have 64 values; of them", "rows have 64\u{a0}values; of them"),
        ("4.59e7 in epoch 346", "4.59e7 in epoch\u{a0}346"),
        ("26 ms per epoch of 3", "26\u{a0}ms per epoch of 3"),
        ("many values", "many values"),
        ("", ""),
    ] {
        assert_eq!(tied(text), expected);
    }
    let cell = Page {
        tables: vec![Table { rows: vec![vec!["PSNR".into(), "25.48 dB".into()]], ..Table::default() }],
        ..Page::default()
    };
    assert!(cell.to_html().contains("<td>25.48\u{a0}dB</td>"));
}

#[test]
fn commands_in_an_alert_are_set_as_code_and_without_backticks() {
    let sentences = vec!["It failed.".into(), "Train again with `--learning-rate 0.001`.".into()];
    let alert = Some(Alert { failed: true, title: "This training failed".into(), sentences });
    let html = Page { alert, ..Page::default() }.to_html();
    assert!(html.contains("<p>Train again with <code>--learning-rate 0.001</code>.</p>"), "{html}");
    assert!(html.contains("class=\"card alert failed\"") && !html.contains('`'), "{html}");
}
