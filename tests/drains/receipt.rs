//! A receipt, held against the list of what the simulated clouds still have.

use serde_json::Value;

use crate::world::World;

/// What a receipt says of things outside of the cluster.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) exit: i64,
    pub(crate) kept: Vec<String>,
    pub(crate) left: Vec<String>,
    pub(crate) unproven: Vec<String>,
    pub(crate) removed: Vec<String>,
}

impl Receipt {
    /// Reads the one that the last command wrote.
    pub(crate) fn read(world: &World) -> Self {
        Self::of(&world.json("receipt.json"))
    }

    fn of(receipt: &Value) -> Self {
        let lines = |field: &str| -> Vec<String> {
            let lines = receipt[field].as_array().expect("a list").iter();
            lines
                .map(|it| {
                    it["what"]
                        .as_str()
                        .or(it.as_str())
                        .expect("a line")
                        .to_owned()
                })
                .collect()
        };
        Self {
            exit: receipt["exit"].as_i64().expect("a code"),
            kept: lines("kept"),
            left: lines("left"),
            unproven: lines("unproven"),
            removed: lines("removed"),
        }
    }

    /// Fails the test unless the receipt tells of exactly what there is: each thing in the clouds once, and nothing else.
    #[track_caller]
    pub(crate) fn check(&self, world: &World) {
        let clouds = world.clouds();
        let names = |line: &String, maker: &str| {
            line.strip_prefix(maker)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':']))
        };
        let told: Vec<&String> = self.kept.iter().chain(&self.left).collect();
        for maker in &clouds {
            let times = told.iter().filter(|line| names(line, maker)).count();
            let doubted = self
                .unproven
                .iter()
                .any(|line| line.contains(maker.as_str()));
            assert!(
                times == 1 || times == 0 && doubted,
                "{maker} is in a cloud, and told {times} times: {self:#?}"
            );
        }
        for line in told {
            // Neither of these is in a cloud.
            let local = line.starts_with("kind cluster ");
            assert!(
                local || clouds.iter().any(|maker| names(line, maker)),
                "{line} is told, and in no cloud: {clouds:#?}\n{self:#?}"
            );
        }
        let cluster = self.left.iter().any(|line| line == "kind cluster dot");
        assert_eq!(cluster, world.has_cluster(), "{self:#?}");
        let nothing = self.left.is_empty() && self.unproven.is_empty();
        assert_eq!(self.exit == 0, nothing, "{self:#?}");
    }
}
