// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Lists that are older than what was seen, and clusters that were restored from a backup.

use obsyk_domain::ports::{ReadError, Signal};

use super::*;

/// A watcher that lists in pages, after it knew web at version 5 and all changes up to version 9.
fn in_pages() -> Driven {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.relist(2);
    assert_eq!(watcher.hear([list_end(8)]), ["open pages"]);
    watcher
}

#[test]
fn a_streamed_list_with_an_older_version_is_asked_for_in_pages() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.relist(2);
    assert_eq!(
        watcher.hear([a_pod("web").version(5).listed(), list_end(8)]),
        ["open pages"]
    );
}

#[test]
fn a_streamed_list_with_an_older_object_is_asked_for_in_pages() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.relist(2);
    assert_eq!(watcher.hear([a_pod("web").version(4).listed()]), ["open pages"]);
}

#[test]
fn a_streamed_list_with_an_object_that_may_be_gone_is_asked_for_in_pages() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    assert_eq!(watcher.hear([a_pod("web").version(12).gone()]), ["offer 1: -web"]);
    watcher.admit();
    watcher.relist(2);
    assert_eq!(watcher.hear([a_pod("web").version(5).listed()]), ["open pages"]);
}

#[test]
fn a_streamed_list_older_than_one_that_was_cut_off_is_asked_for_in_pages() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.relist(2);
    watcher.hear([a_pod("new").version(15).listed()]);
    watcher.hear([Signal::Failed(ReadError::Unreachable)]);
    watcher.wake();
    watcher.hear([a_pod("web").version(5).listed()]);
    assert_eq!(watcher.hear([list_end(12)]), ["open pages"]);
}

#[test]
fn a_streamed_list_in_which_an_older_object_has_a_name_is_asked_for_in_pages() {
    let mut watcher = Driven::watching(&[], 9);
    watcher.relist(2);
    watcher.hear([a_pod("web").version(15).listed()]);
    watcher.hear([Signal::Failed(ReadError::Unreachable)]);
    watcher.wake();
    let before = a_pod("web").uid("uid-before").version(12);
    assert_eq!(
        watcher.hear([before.listed()]),
        ["open pages"],
        "no delete of one that lives"
    );
}

#[test]
fn a_bookmark_counts_as_seen() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.hear([bookmark(30)]);
    watcher.relist(2);
    assert_eq!(watcher.hear([list_end(29)]), ["open pages"]);
}

#[test]
fn the_spool_of_a_stale_list_is_thrown_away() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.relist(2);
    watcher.hear([a_pod("web").version(5).listed(), list_end(8)]);
    assert_eq!(
        watcher.hear_last([a_pod("web").version(5).listed(), list_end(9)]),
        ["open watch 9", "spool 2: web@5"]
    );
}

#[test]
fn an_object_that_was_missed_and_is_in_pages_is_told_by_a_snapshot() {
    let mut watcher = in_pages();
    assert_eq!(
        watcher.hear([a_pod("web").version(5).listed(), a_pod("lost").version(7).listed()]),
        ["due watcher_lost", "open pages"]
    );
}

#[test]
fn an_object_whose_delete_was_told_and_that_a_restored_backup_has_again_is_not_added_after_its_delete() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    assert_eq!(watcher.hear([a_pod("web").version(12).gone()]), ["offer 1: -web"]);
    watcher.admit();
    watcher.relist(2);
    assert_eq!(watcher.hear([a_pod("web").version(5).listed()]), ["open pages"]);
    // By now the backup's versions have gone past all that were seen.
    assert_eq!(
        watcher.hear([a_pod("web").version(5).listed()]),
        ["due watcher_lost", "open pages"]
    );
    assert_eq!(
        watcher.hear_last([a_pod("web").version(5).listed(), list_end(20)]),
        ["open watch 20", "spool 2: web@5"]
    );
}

#[test]
fn what_a_restored_backup_has_again_and_changed_since_is_not_added_after_its_delete() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5), a_pod("db").version(6)], 9);
    assert_eq!(watcher.hear([a_pod("web").version(12).gone()]), ["offer 1: -web"]);
    watcher.admit();
    watcher.hear([Signal::Failed(ReadError::Expired)]);
    // In the backup it is there, and was changed again: it looks like a new one. What comes behind it betrays the backup.
    assert!(watcher.hear([a_pod("web").version(14).listed()]).is_empty());
    assert_eq!(watcher.hear([a_pod("db").version(4).listed()]), ["open pages"]);
    let back = [a_pod("web").version(14).listed(), a_pod("db").version(4).listed()];
    assert_eq!(watcher.hear(back), ["due watcher_lost", "close"]);
}

#[test]
fn pages_with_an_older_version_are_a_restored_backup() {
    let mut watcher = in_pages();
    assert_eq!(
        watcher.hear([a_pod("web").version(5).listed(), list_end(8)]),
        ["due watcher_lost", "open pages"]
    );
    assert_eq!(
        watcher.hear_last([a_pod("web").version(5).listed(), list_end(8)]),
        ["open watch 8", "spool 2: web@5"]
    );
}

#[test]
fn pages_with_an_older_object_are_a_restored_backup() {
    let mut watcher = in_pages();
    assert_eq!(
        watcher.hear([a_pod("web").version(4).listed()]),
        ["due watcher_lost", "open pages"]
    );
    assert!(watcher.state.known().is_empty());
}

#[test]
fn after_a_restored_backup_changes_are_offered_from_its_versions_on() {
    let mut watcher = in_pages();
    watcher.hear([list_end(3)]);
    watcher.hear_last([a_pod("web").version(2).listed(), list_end(3)]);
    watcher.spooled();
    assert_eq!(watcher.hear([a_pod("web").version(4).put()]), ["offer 2: ~web@4"]);
}

#[test]
fn what_a_restored_backup_never_had_gets_no_delete_from_before() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5), a_pod("db").version(6)], 9);
    watcher.relist(2);
    watcher.hear([list_end(8)]);
    // The one delete that it would mean stands in no order with what the backup tells: the snapshot says it.
    assert_eq!(watcher.hear([list_end(3)]), ["due watcher_lost", "open pages"]);
    assert_eq!(watcher.hear_last([list_end(3)]), ["open watch 3", "spool 2: "]);
}

#[test]
fn a_restored_backup_that_is_noticed_between_snapshots_is_followed_only_from_the_next_snapshot_on() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.hear([Signal::Failed(ReadError::Expired)]);
    assert_eq!(watcher.hear([list_end(4)]), ["open pages"]);
    // Its changes could be of what the platform knows to be deleted.
    assert_eq!(watcher.hear([list_end(4)]), ["due watcher_lost", "close"]);
    assert_eq!(watcher.relist(2), ["open stream"]);
}

#[test]
fn a_watch_that_finds_the_versions_gone_back_waits_for_the_next_snapshot() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    assert_eq!(
        watcher.hear([Signal::Failed(ReadError::Reverted)]),
        ["close", "due watcher_lost", "close"]
    );
    assert!(watcher.state.known().is_empty());
    assert_eq!(watcher.relist(2), ["open stream"]);
    // What the platform may have seen deleted is in the snapshot, not an event.
    let back = a_pod("back").version(12);
    assert_eq!(watcher.hear([back.listed(), list_end(13)]), ["spool 2: back@12"]);
}

#[test]
fn after_a_restored_backup_nothing_is_offered_before_a_snapshot_has_had_a_list() {
    let mut watcher = in_pages();
    watcher.hear([list_end(8)]);
    assert_eq!(
        watcher.hear([Signal::Failed(ReadError::Forbidden)]),
        ["close", "unreadable 2: Forbidden"]
    );
    assert_eq!(watcher.wake(), ["open stream"]);
    // The platform still holds what was forgotten.
    assert_eq!(
        watcher.hear([a_pod("web").uid("uid-since").version(5).listed(), list_end(8)]),
        ["listed 2: 1"]
    );
    assert!(watcher.hear([a_pod("new").version(9).put()]).is_empty());
    watcher.relist(3);
    assert_eq!(
        watcher.hear([
            a_pod("web").uid("uid-since").version(5).listed(),
            a_pod("new").version(9).listed(),
            list_end(9)
        ]),
        ["spool 3: web@5 new@9"]
    );
    watcher.spooled();
    assert_eq!(watcher.hear([a_pod("new").version(10).put()]), ["offer 3: ~new@10"]);
}

#[test]
fn an_object_that_was_missed_doesnt_make_an_older_list_believed() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.hear([Signal::Failed(ReadError::Expired)]);
    assert_eq!(watcher.hear([list_end(8)]), ["open pages"]);
    assert_eq!(
        watcher.hear([a_pod("missed").version(7).listed()]),
        ["due watcher_lost", "close"]
    );
    assert_eq!(watcher.relist(2), ["open stream"]);
    assert_eq!(
        watcher.hear([list_end(8)]),
        ["open pages"],
        "it is older than what was seen"
    );
}
