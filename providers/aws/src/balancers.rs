//! Calls about load balancers: the classic ones, and those of the second API with their target groups.

use std::collections::BTreeMap;

use windlass_provider::Ctx;

use crate::{
    client::Client,
    refusal::{Answer, Trouble},
    service::Service,
    tagged::Pairs,
    want::Left,
    xml::{self, Read},
};

/// How many names a call about tags takes.
const TAGGED_AT_ONCE: usize = 20;

/// A load balancer or a target group.
#[derive(Clone, Debug)]
pub(crate) struct Balancer {
    pub(crate) left: Left,
    /// The name of a classic one, the ARN of the others: what deletes it.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) tags: Pairs,
}

/// How each kind is listed, and its tags read.
struct Way {
    left: Left,
    service: Service,
    list: &'static str,
    /// The list in the answer, and what its members call their id.
    set: &'static str,
    id: &'static str,
    name: &'static str,
    /// The parameter that names what tags are asked for, and what the answer calls it.
    tagged: (&'static str, &'static str),
}

const WAYS: [Way; 3] = [
    Way {
        left: Left::ClassicBalancer,
        service: Service::Elb,
        list: "DescribeLoadBalancers",
        set: "LoadBalancerDescriptions",
        id: "LoadBalancerName",
        name: "LoadBalancerName",
        tagged: ("LoadBalancerNames", "LoadBalancerName"),
    },
    Way {
        left: Left::Balancer,
        service: Service::ElbV2,
        list: "DescribeLoadBalancers",
        set: "LoadBalancers",
        id: "LoadBalancerArn",
        name: "LoadBalancerName",
        tagged: ("ResourceArns", "ResourceArn"),
    },
    Way {
        left: Left::TargetGroup,
        service: Service::ElbV2,
        list: "DescribeTargetGroups",
        set: "TargetGroups",
        id: "TargetGroupArn",
        name: "TargetGroupName",
        tagged: ("ResourceArns", "ResourceArn"),
    },
];

/// Returns all load balancers and target groups of the region, with their tags.
pub(crate) async fn all(client: &Client, cx: &Ctx) -> Answer<Vec<Balancer>> {
    let mut all = Vec::new();
    for way in &WAYS {
        let mut found = list(client, cx, way).await?;
        for some in found.chunks_mut(TAGGED_AT_ONCE) {
            let tags = tags(client, cx, way, some).await?;
            for balancer in some {
                balancer.tags = tags.get(&balancer.id).cloned().unwrap_or_default();
            }
        }
        all.extend(found);
    }
    Ok(all)
}

async fn list(client: &Client, cx: &Ctx, way: &Way) -> Answer<Vec<Balancer>> {
    let mut all = Vec::new();
    let mut marker = String::new();
    loop {
        let parameters: Vec<(String, String)> = match marker.is_empty() {
            true => Vec::new(),
            false => vec![("Marker".to_owned(), marker)],
        };
        let text = client.query(cx, way.service, way.list, &parameters).await?;
        let document = xml::parse(&text)?;
        let result = xml::result(&document, way.list);
        all.extend(result.members(way.set).iter().map(|it| Balancer {
            left: way.left,
            id: it.text_of(way.id),
            name: it.text_of(way.name),
            tags: Pairs::new(),
        }));
        marker = result.text_of("NextMarker");
        if marker.is_empty() {
            return Ok(all);
        }
    }
}

async fn tags(
    client: &Client,
    cx: &Ctx,
    way: &Way,
    some: &[Balancer],
) -> Answer<BTreeMap<String, Pairs>> {
    let (parameter, key) = way.tagged;
    let names = some.iter().enumerate();
    let parameters: Vec<(String, String)> = names
        .map(|(at, it)| (format!("{parameter}.member.{}", at + 1), it.id.clone()))
        .collect();
    let text = match client
        .query(cx, way.service, "DescribeTags", &parameters)
        .await
    {
        Ok(text) => text,
        // One of them went meanwhile: each is asked for alone.
        Err(trouble) if trouble.is_missing() && some.len() > 1 => {
            let mut tags = BTreeMap::new();
            for one in some {
                tags.extend(
                    Box::pin(self::tags(client, cx, way, std::slice::from_ref(one))).await?,
                );
            }
            return Ok(tags);
        }
        Err(trouble) if trouble.is_missing() => return Ok(BTreeMap::new()),
        Err(trouble) => return Err(trouble),
    };
    let document = xml::parse(&text)?;
    let result = xml::result(&document, "DescribeTags");
    let members = result.members("TagDescriptions").into_iter();
    Ok(members
        .map(|it| (it.text_of(key), it.tags("Tags")))
        .collect())
}

/// Deletes a load balancer or a target group.
pub(crate) async fn delete(client: &Client, cx: &Ctx, left: Left, id: &str) -> Result<(), Trouble> {
    let (service, action, key) = match left {
        Left::ClassicBalancer => (Service::Elb, "DeleteLoadBalancer", "LoadBalancerName"),
        Left::Balancer => (Service::ElbV2, "DeleteLoadBalancer", "LoadBalancerArn"),
        _ => (Service::ElbV2, "DeleteTargetGroup", "TargetGroupArn"),
    };
    let parameters = [(key.to_owned(), id.to_owned())];
    client
        .query(cx, service, action, &parameters)
        .await
        .map(drop)
}
