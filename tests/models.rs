//! Models change while requests go on, and a bad one never takes the place of a good one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{fs, time::Duration};

use common::{
    GEOPOLITICS, PROMOTIONAL, TestServer, blamed, decided, document,
    folder::{self, Folder, confused_model, current, file, reload, start, states},
    named_model, reason, tiny_model, within,
};
use newsdesk::{
    model::Model,
    proto::{
        ClassifyRequest, ClassifyResponse, GetShadowReportRequest, ListModelVersionsRequest,
        PromoteModelRequest, RollBackModelRequest,
    },
    server::{Keeper, Supply, SupplyError},
};
use tonic::{Code, Status};

async fn ask(server: &TestServer, model: &str) -> Result<ClassifyResponse, Status> {
    let request = ClassifyRequest { model: model.into(), ..document(GEOPOLITICS) };
    server.classifier().await.classify(request).await.map(tonic::Response::into_inner)
}

/// Returns the version that answers to `model`.
async fn version(server: &TestServer, model: &str) -> String {
    let reference = ask(server, model).await.unwrap().model.unwrap();
    format!("{}@{}", reference.name, reference.version)
}

fn roll_back(name: &str) -> RollBackModelRequest {
    RollBackModelRequest { name: name.into() }
}

#[tokio::test]
async fn the_newest_version_of_each_name_answers_and_older_ones_if_they_are_asked() {
    let folder = Folder::new();
    for version in ["8", "9", "10"] {
        folder.put("news", version, tiny_model());
    }
    folder.put("alpha", "1", tiny_model());
    let server = start(folder.supply()).await;
    assert_eq!(current(&server), ["alpha@1", "news@10"]);
    assert_eq!(version(&server, "").await, "alpha@1");
    assert_eq!(version(&server, "news").await, "news@10");
    assert_eq!(version(&server, "news@9").await, "news@9");
    for unknown in ["news@11", "beta", "beta@1", "news@"] {
        let status = ask(&server, unknown).await.unwrap_err();
        assert_eq!(reason(&status), "UNKNOWN_MODEL", "{unknown}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_default_model_is_the_one_that_is_named_or_called_default() {
    let folder = Folder::new();
    folder.put("alpha", "1", tiny_model());
    folder.put("default", "1", tiny_model());
    let server = start(folder.supply()).await;
    assert_eq!(version(&server, "").await, "default@1");
    server.stop().await;
    let supply = Supply { default: Some("late".into()), ..folder.supply() };
    let server = start(supply).await;
    assert_eq!(version(&server, "").await, "alpha@1");
    folder.put("late", "1", tiny_model());
    reload(&mut server.admin().await).await;
    assert_eq!(version(&server, "").await, "late@1");
    server.stop().await;
}

#[tokio::test]
async fn a_new_version_is_found_and_no_request_suffers() {
    let folder = Folder::new();
    folder.put("news", "1", tiny_model());
    let server = folder::start_looking_every(folder.supply(), Duration::from_millis(10)).await;
    let mut client = server.classifier().await;
    folder.put("news", "2", confused_model());
    let mut answers = Vec::new();
    within(async {
        while answers.last() != Some(&("2".to_owned(), "other".to_owned())) {
            let response = client.classify(document(GEOPOLITICS)).await.unwrap().into_inner();
            let version = response.model.clone().unwrap().version;
            let decided = decided(&response).replace("ABSTENTION_REASON_NEITHER", "other");
            answers.push((version, decided));
        }
    })
    .await;
    // Each answer names the model that gave it.
    for (version, decided) in answers {
        assert_eq!(decided, if version == "1" { "geopolitics" } else { "other" });
    }
    server.stop().await;
}

#[tokio::test]
async fn a_damaged_file_never_takes_the_place_of_a_model() {
    let folder = Folder::new();
    folder.put("news", "1", tiny_model());
    folder.put("news", "2", tiny_model());
    let server = start(folder.supply()).await;
    let mut admin = server.admin().await;
    let whole = fs::read(folder.path("news", "2")).unwrap();
    for rubbish in [&b""[..], b"rubbish", &whole[..whole.len() / 2]] {
        for version in ["2", "3"] {
            folder.spoil("news", version, rubbish);
        }
        let there = reload(&mut admin).await;
        assert_eq!(version(&server, "").await, "news@2", "{:?}", there.problems);
        assert_eq!(there.problems.len(), 2, "{:?}", there.problems);
        assert!(there.problems[1].contains("3.safetensors: "), "{:?}", there.problems);
        assert!(states(&there.versions).contains(&"news@3 UNUSABLE".to_owned()), "{there:?}");
    }
    folder.put("news", "2", tiny_model());
    folder.put("news", "3", tiny_model());
    let there = reload(&mut admin).await;
    assert_eq!(there.problems, [""; 0]);
    assert_eq!(states(&there.versions), ["news@3 CURRENT", "news@2 STANDBY", "news@1 STANDBY"]);
    server.stop().await;
}

#[tokio::test]
async fn what_is_removed_is_not_served_unless_there_is_nothing_else() {
    let folder = Folder::new();
    folder.put("news", "1", tiny_model());
    folder.put("news", "2", tiny_model());
    let server = start(folder.supply()).await;
    let mut admin = server.admin().await;
    folder.remove("news", "2");
    reload(&mut admin).await;
    assert_eq!(version(&server, "").await, "news@1");
    assert!(ask(&server, "news@2").await.is_err());
    folder.remove("news", "1");
    reload(&mut admin).await;
    assert_eq!(version(&server, "").await, "news@1");
    fs::remove_dir_all(folder.root()).unwrap();
    let there = reload(&mut admin).await;
    assert!(there.problems[0].starts_with("models: cannot read the folder"), "{there:?}");
    assert_eq!(version(&server, "").await, "news@1");
    server.stop().await;
}

#[tokio::test]
async fn a_version_that_is_worse_on_the_gold_set_is_set_aside() {
    let folder = Folder::new();
    folder.put("news", "1", tiny_model());
    let supply = Supply { gold: Some(folder.gold(0.1)), ..folder.supply() };
    let server = start(supply).await;
    let mut admin = server.admin().await;
    folder.put("news", "2", confused_model());
    let there = reload(&mut admin).await;
    assert_eq!(states(&there.versions), ["news@1 CURRENT", "news@2 SET_ASIDE"]);
    let expected = "its macro-F1 on the 3 documents of the gold set is 0.0000, that of the served \
                    version 1.0000; it may lose 0.1 at most";
    assert_eq!(there.versions[1].reason, expected);
    assert!(there.problems[0].ends_with(expected), "{there:?}");
    assert_eq!(version(&server, "").await, "news@1");
    // The same file is not tried again, and a good one is taken.
    assert_eq!(reload(&mut admin).await, there);
    folder.put("news", "3", tiny_model());
    reload(&mut admin).await;
    assert_eq!(version(&server, "").await, "news@3");
    server.stop().await;
}

#[tokio::test]
async fn a_call_rolls_back_for_good() {
    let folder = Folder::new();
    folder.put("news", "1", tiny_model());
    folder.put("news", "2", confused_model());
    let server = start(folder.supply()).await;
    let mut admin = server.admin().await;
    let reversal = admin.roll_back_model(roll_back("news")).await.unwrap().into_inner();
    assert_eq!(reversal.current.unwrap().version, "1");
    assert_eq!(reversal.set_aside.unwrap().version, "2");
    assert!(reversal.durable);
    assert_eq!(version(&server, "").await, "news@1");
    reload(&mut admin).await;
    assert_eq!(version(&server, "").await, "news@1");
    let status = admin.roll_back_model(roll_back("news")).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "NO_EARLIER_VERSION")
    );
    let status = admin.roll_back_model(roll_back("other")).await.unwrap_err();
    assert_eq!(blamed(&status), "NotFound ");
    server.stop().await;
    // It holds after a restart, and a newer version is welcome.
    let server = start(folder.supply()).await;
    assert_eq!(version(&server, "").await, "news@1");
    folder.put("news", "3", tiny_model());
    reload(&mut server.admin().await).await;
    assert_eq!(version(&server, "").await, "news@3");
    server.stop().await;
}

#[tokio::test]
async fn a_version_is_promoted_by_a_call_until_a_newer_one_comes() {
    let folder = Folder::new();
    for version in ["1", "2"] {
        folder.put("news", version, tiny_model());
    }
    let server = start(folder.supply()).await;
    let mut admin = server.admin().await;
    let promote =
        |version: &str| PromoteModelRequest { name: "news".into(), version: version.into() };
    let promoted = admin.promote_model(promote("1")).await.unwrap().into_inner();
    assert_eq!(promoted.current.unwrap().version, "1");
    let there = reload(&mut admin).await;
    assert_eq!(states(&there.versions), ["news@1 CURRENT", "news@2 STANDBY"]);
    assert_eq!(blamed(&admin.promote_model(promote("7")).await.unwrap_err()), "NotFound ");
    folder.put("news", "3", tiny_model());
    reload(&mut admin).await;
    assert_eq!(version(&server, "").await, "news@3");
    server.stop().await;
}

#[tokio::test]
async fn a_shadow_is_compared_and_never_answers() {
    let folder = Folder::new();
    folder.put("news", "1", tiny_model());
    folder.put("news", "2", confused_model());
    let supply = Supply { shadow: Some(folder::shadow("news", "2", 0.5)), ..folder.supply() };
    let server = start(supply).await;
    let mut admin = server.admin().await;
    let versions = admin.list_model_versions(ListModelVersionsRequest {}).await.unwrap();
    assert_eq!(states(&versions.into_inner().versions), ["news@1 CURRENT", "news@2 SHADOW"]);
    let mut client = server.classifier().await;
    for text in [GEOPOLITICS, PROMOTIONAL].repeat(4) {
        let response = client.classify(document(text)).await.unwrap().into_inner();
        assert_eq!(response.model.unwrap().version, "1");
    }
    // Of eight, every second is compared: the promotional ones.
    let report = within(async {
        loop {
            let report = admin.get_shadow_report(GetShadowReportRequest {}).await.unwrap();
            if report.get_ref().documents == 4 {
                break report.into_inner();
            }
        }
    });
    let report = report.await;
    assert_eq!((report.skipped, report.differences.len()), (0, 1), "{report:?}");
    let difference = &report.differences[0];
    assert_eq!(difference.current_outcome, "promotional");
    assert_eq!((difference.shadow_outcome.as_str(), difference.documents), ("geopolitics", 4));
    let promote = PromoteModelRequest { name: "news".into(), version: "2".into() };
    admin.promote_model(promote).await.unwrap();
    assert_eq!(version(&server, "").await, "news@2");
    let status = admin.get_shadow_report(GetShadowReportRequest {}).await.unwrap_err();
    assert_eq!(reason(&status), "NO_SHADOW");
    server.stop().await;
}

#[tokio::test]
async fn a_single_file_can_be_replaced_and_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let put = |version| file(Model::clone(&named_model("news", version))).write(&path).unwrap();
    put("1");
    let server = start(Supply { files: vec![path.clone()], ..Supply::default() }).await;
    let mut admin = server.admin().await;
    put("2");
    reload(&mut admin).await;
    assert_eq!(version(&server, "").await, "news@2");
    fs::write(&path, "rubbish").unwrap();
    let there = reload(&mut admin).await;
    assert_eq!(there.problems.len(), 1, "{there:?}");
    assert_eq!(version(&server, "").await, "news@2");
    put("2");
    reload(&mut admin).await;
    let reversal = admin.roll_back_model(roll_back("")).await.unwrap().into_inner();
    assert!(!reversal.durable);
    reload(&mut admin).await;
    assert_eq!(version(&server, "").await, "news@1");
    put("3");
    reload(&mut admin).await;
    assert_eq!(version(&server, "").await, "news@3");
    server.stop().await;
}

#[tokio::test]
async fn a_server_can_wait_for_its_first_model() {
    let folder = Folder::new();
    folder.spoil("news", "1", b"rubbish");
    let server = start(folder.supply()).await;
    let status = ask(&server, "").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "NO_MODEL"));
    folder.put("news", "2", tiny_model());
    reload(&mut server.admin().await).await;
    assert_eq!(version(&server, "").await, "news@2");
    server.stop().await;
}

#[test]
fn what_cannot_be_used_at_all_is_refused_at_the_start() {
    let folder = Folder::new();
    let supply = Supply { folder: Some(folder.root().join("no")), ..Supply::default() };
    assert!(matches!(Keeper::open(supply).unwrap_err(), SupplyError::Folder { .. }));
    folder.spoil("news", "1", b"rubbish");
    let bad = folder.path("news", "1");
    let supply = Supply { files: vec![bad], ..Supply::default() };
    assert!(matches!(Keeper::open(supply).unwrap_err(), SupplyError::File(_)));
    folder.put("news", "2", tiny_model());
    let twice = vec![folder.path("news", "2"); 2];
    let supply = Supply { files: twice, ..Supply::default() };
    assert!(matches!(Keeper::open(supply).unwrap_err(), SupplyError::SameName { .. }));
}

#[tokio::test]
async fn no_client_changes_models_unless_the_server_is_told_to_let_them() {
    let server = TestServer::start().await;
    let status = server.admin().await.roll_back_model(roll_back("")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    server.stop().await;
}
