//! The host as a tree: switches, their ports with what is plugged in, their extension stacks.

use super::{extension, plain, port, switch};
use crate::control::model::{TopologySwitch, TopologyView};

/// A line with lines below it.
struct Branch {
    label: String,
    below: Vec<Branch>,
}

impl Branch {
    fn leaf(label: String) -> Self {
        Self { label, below: Vec::new() }
    }

    fn draw(&self, into: &mut String, lead: &str) {
        let last = self.below.len().saturating_sub(1);
        for (place, branch) in self.below.iter().enumerate() {
            let (knot, rail) = if place == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            into.push_str(&format!("{lead}{knot}{}\n", plain(&branch.label)));
            branch.draw(into, &format!("{lead}{rail}"));
        }
    }
}

fn branches(of: &TopologySwitch) -> Vec<Branch> {
    let mut branches: Vec<Branch> = of
        .ports
        .iter()
        .map(|view| Branch {
            label: format!(
                "port {} {}: {}, {}, {}, mtu {}",
                view.id,
                view.name,
                view.kind,
                view.vlan,
                view.mac.map_or_else(|| "learning".to_owned(), |mac| format!("mac {mac}")),
                view.mtu
            ),
            below: vec![Branch::leaf(format!("{}: {}", port::backend(view), port::condition(view)))],
        })
        .collect();
    let stack: Vec<Branch> = of
        .extensions
        .iter()
        .map(|view| {
            Branch::leaf(format!("{} {}: {}, {}", view.id, view.version, view.role, extension::condition(view)))
        })
        .collect();
    if !stack.is_empty() {
        branches.push(Branch { label: "extensions, in ingress order".to_owned(), below: stack });
    }
    branches
}

/// The tree.
pub(in crate::cli) fn topology(view: &TopologyView) -> String {
    if view.switches.is_empty() {
        return "no switches\n".to_owned();
    }
    let mut text = String::new();
    for of in &view.switches {
        text.push_str(&switch::switch_line(&of.switch));
        text.push('\n');
        Branch { label: String::new(), below: branches(of) }.draw(&mut text, "");
    }
    text
}
