//! The examples of the manual pass their own tests.

use super::*;

#[test]
fn the_examples_of_the_manual_pass_their_tests() {
    let page = std::fs::read_to_string(root().join("docs/flows.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let examples = page.split("```yaml\n").skip(1);
    let examples = examples.filter_map(|block| block.split("```").next());
    for (at, example) in examples.enumerate() {
        std::fs::write(folder.path().join(format!("{at:02}.yaml")), example).unwrap();
    }
    // Some go on in a shipped flow.
    for shipped in std::fs::read_dir(root().join("flows")).unwrap() {
        let path = shipped.unwrap().path();
        let to = folder.path().join(path.file_name().unwrap());
        std::fs::copy(&path, to).unwrap();
    }
    let (code, shown) = run(folder.path(), Some(&organisation()), None);
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains("three reminders, and then a person"),
        "{shown}"
    );
}
