//! Writers who mark and post together, against a private Redis.
//!
//! Each test names the mutant of the protocol that it kills.

use std::time::Instant;

use futures_util::future::join_all;

use super::hold::SHARED;
use super::tests::{course, filled, is_hit, is_in_doubt, other, post, scripts, store, token};
use crate::Id;
use crate::cache::store::Dep;
use crate::testing::Redis;

/// Kills: two scripts for each writer; a token that another's takes away, or that is left behind.
#[tokio::test]
async fn many_writers_go_together_and_each_for_himself() {
    let redis = Redis::start().unwrap();
    let a = store(&redis, "aa").await;
    let rows = (0..100).map(|n| Dep::Row("courses".into(), Id::Int(n)));
    let list = Dep::List("courses".into());
    let writers: Vec<_> = rows.map(|row| ([list.clone(), row], token())).collect();
    let marks = writers.iter().map(|(deps, token)| a.mark(deps, *token));
    assert!(join_all(marks).await.iter().all(Result::is_ok));
    let (last, others) = writers.split_last().unwrap();
    let posts = others.iter().map(|(_, token)| post(&a, *token));
    join_all(posts).await;
    let commands = redis.ask("INFO commandstats");
    assert!(commands.contains("cmdstat_evalsha:calls=4,"), "{commands}");
    assert!(is_in_doubt(&a, &last.0).await);
    assert!(is_in_doubt(&a, std::slice::from_ref(&list)).await);
    assert!(!is_in_doubt(&a, &others[0].0[1..]).await);
    post(&a, last.1).await;
    for (deps, _) in &writers {
        assert!(!is_in_doubt(&a, deps).await);
    }
}

/// Kills: a script for each writer of a list; a list that is in doubt for less or for more than the last of them.
#[tokio::test]
async fn who_writes_while_the_list_is_held_sends_nothing() {
    let redis = Redis::start().unwrap();
    let a = store(&redis, "aa").await;
    let list = [Dep::List("courses".into())];
    let both = [list[0].clone(), Dep::Row("courses".into(), Id::Int(1))];
    filled(&a, "k", &list, "one").await;
    let (first, second, third) = (token(), token(), token());
    let before = loop {
        a.mark(&both, first).await.unwrap();
        let (begin, before) = (Instant::now(), scripts(&redis));
        a.mark(&list, second).await.unwrap();
        post(&a, second).await;
        a.mark(&list, third).await.unwrap();
        if begin.elapsed() < SHARED / 2 {
            break before;
        }
        // This machine was too slow: nobody shares a token that is so old.
        post(&a, first).await;
        post(&a, third).await;
    };
    assert_eq!(scripts(&redis), before);
    post(&a, first).await;
    assert!(!is_in_doubt(&a, &both[1..]).await);
    assert!(is_in_doubt(&a, &list).await);
    post(&a, third).await;
    assert!(!is_in_doubt(&a, &list).await);
    assert!(!is_hit(&a, "k", &list, "one").await);
}

/// Kills: rows that are marked each, though many write them and nobody reads; a body that outlives its table; a table that
/// is marked as a whole though another process reads it.
#[tokio::test]
async fn many_who_write_what_nobody_reads_mark_the_table() {
    let redis = Redis::start().unwrap();
    let (a, b) = (store(&redis, "aa").await, other(&redis, "aa").await);
    let row = |n| [Dep::Row("courses".into(), Id::Int(n))];
    let read_row = |n| [Dep::Table("courses".into()), row(n)[0].clone()];
    filled(&b, "k", &read_row(1), "one").await;
    let (many, last) = ([(); 6].map(|()| token()), token());
    loop {
        let rows: Vec<_> = (2..).map(row).take(many.len()).collect();
        let begin = Instant::now();
        let marks = many.iter().zip(&rows);
        let marks = marks.map(|(token, row)| a.mark(row, *token));
        assert!(join_all(marks).await.iter().all(Result::is_ok));
        a.mark(&row(99), last).await.unwrap();
        join_all(many.iter().map(|token| post(&a, *token))).await;
        if begin.elapsed() < SHARED / 2 {
            break;
        }
        // This machine was too slow: a crowd is not remembered for so long.
        post(&a, last).await;
    }
    assert!(!is_in_doubt(&b, &row(99)).await);
    assert!(is_in_doubt(&b, &read_row(1)).await);
    post(&a, last).await;
    assert!(!is_hit(&b, "k", &read_row(1), "one").await);
    // The next mark hears that somebody reads, and those after it are of the rows.
    a.crowds.wrote("courses", many.len());
    a.mark(&row(98), last).await.unwrap();
    post(&a, last).await;
    a.crowds.wrote("courses", many.len());
    assert!(!a.crowds.only_writes("courses"));
    filled(&b, "k", &read_row(1), "one").await;
    a.mark(&row(98), last).await.unwrap();
    assert!(is_hit(&b, "k", &read_row(1), "one").await);
    // A process knows what it reads itself.
    b.crowds.wrote("courses", many.len());
    assert!(!b.crowds.only_writes("courses"));
}

/// Kills: a share in what another epoch has marked.
#[tokio::test]
async fn what_is_held_in_an_epoch_is_marked_again_in_the_next() {
    let redis = Redis::start().unwrap();
    let a = store(&redis, "aa").await;
    let list = [Dep::List("courses".into())];
    a.mark(&list, token()).await.unwrap();
    a.begin("bb", Some("aa")).await.unwrap();
    a.adopt(Some("bb"));
    assert!(!is_in_doubt(&a, &list).await);
    a.mark(&list, token()).await.unwrap();
    assert!(is_in_doubt(&a, &list).await);
}

/// Kills: a writer who posts for others of his script; one who is forgotten in it.
#[tokio::test]
async fn an_abandoned_mark_stays_and_the_next_ones_do_not() {
    let redis = Redis::start().unwrap();
    let a = store(&redis, "aa").await;
    let list = Dep::List("courses".into());
    let deps = |n| [list.clone(), Dep::Row("courses".into(), Id::Int(n))];
    let (first, gone, other) = (token(), token(), token());
    let (none, one, two) = (deps(0), deps(1), deps(2));
    // The first is alone in his script, and the next two go together.
    let marks = [
        a.mark(&none, first),
        a.mark(&one, gone),
        a.mark(&two, other),
    ];
    assert!(join_all(marks).await.iter().all(Result::is_ok));
    post(&a, first).await;
    a.abandon(gone);
    assert!(a.post(gone).is_none());
    post(&a, other).await;
    assert!(is_in_doubt(&a, &one[1..]).await);
    assert!(!is_in_doubt(&a, &two[1..]).await);
    assert!(is_in_doubt(&a, &one[..1]).await);
}

/// Kills: a post to an epoch that is over, which Redis would call lost.
#[tokio::test]
async fn an_epoch_takes_its_tokens_along() {
    let redis = Redis::start().unwrap();
    let a = store(&redis, "aa").await;
    let mine = token();
    a.mark(&course(), mine).await.unwrap();
    a.begin("bb", Some("aa")).await.unwrap();
    a.adopt(Some("bb"));
    assert!(a.post(mine).is_none());
}
