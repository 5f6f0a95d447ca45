//! A small XML tree, bounded in size, depth and number of elements.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

/// Elements of one document, at most.
const ELEMENTS_MAX: usize = 1_000;
/// Elements inside each other, at most.
const DEPTH_MAX: usize = 8;

/// One element with what is inside it.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) children: Vec<Node>,
}

/// The root element of the document; what is wrong with it otherwise, for people.
pub(super) fn parse(document: &str) -> Result<Node, String> {
    let mut reader = Reader::from_str(document);
    let mut open: Vec<Node> = Vec::new();
    let mut root = None;
    let mut elements = 0;
    loop {
        let event = reader.read_event();
        match event.map_err(|fault| format!("the document is no XML: {fault}"))? {
            Event::Start(start) => {
                elements += 1;
                if elements > ELEMENTS_MAX || open.len() >= DEPTH_MAX {
                    return Err("the document has too many elements".to_owned());
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => {
                elements += 1;
                if elements > ELEMENTS_MAX {
                    return Err("the document has too many elements".to_owned());
                }
                close(element(&start)?, &mut open, &mut root)?;
            }
            Event::End(_) => {
                let node = open.pop().ok_or("an element ends that never began")?;
                close(node, &mut open, &mut root)?;
            }
            Event::Text(text) => add(&mut open, &text.xml_content(XmlVersion::Implicit1_0))?,
            Event::CData(text) => add(&mut open, &text.xml_content(XmlVersion::Implicit1_0))?,
            Event::GeneralRef(reference) => add(&mut open, &character(&reference)?.to_string())?,
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::DocType(_) => return Err("a document type is not allowed".to_owned()),
            Event::Eof => break,
        }
    }
    match (open.is_empty(), root) {
        (true, Some(root)) => Ok(root),
        _ => Err("the document has no complete root element".to_owned()),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Node, String> {
    let mut node = Node {
        name: start.name().as_ref().to_owned(),
        ..Node::default()
    };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|fault| format!("<{}>: {fault}", node.name))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|fault| format!("<{}>: {fault}", node.name))?;
        let name = attribute.key.as_ref().to_owned();
        node.attributes.push((name, value.into_owned()));
    }
    Ok(node)
}

fn close(mut node: Node, open: &mut [Node], root: &mut Option<Node>) -> Result<(), String> {
    node.text = node.text.trim().to_owned();
    match open.last_mut() {
        Some(parent) => parent.children.push(node),
        None if root.is_none() => *root = Some(node),
        None => return Err("the document has two root elements".to_owned()),
    }
    Ok(())
}

fn add(open: &mut [Node], text: &str) -> Result<(), String> {
    match open.last_mut() {
        Some(node) => node.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("there is text outside the root element".to_owned()),
    }
    Ok(())
}

fn character(reference: &BytesRef<'_>) -> Result<char, String> {
    let unknown = || "the document has an unknown entity".to_owned();
    match reference.as_ref() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => reference
            .resolve_char_ref()
            .map_err(|_| unknown())?
            .ok_or_else(unknown),
    }
}
