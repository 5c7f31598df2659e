//! Transactions behave alike on both databases, also when they fail or are given up.

use super::*;

#[tokio::test]
async fn a_transaction_commits_or_rolls_back_as_a_whole() {
    for t in databases().await {
        let done: DbResult<i64> =
            t.db.transaction(async |tx| {
                tx.run(new("a", 1).1).await?;
                tx.run(new("b", 1).1).await?;
                Ok(count(tx).await)
            })
            .await;
        assert_eq!(done.unwrap(), 2, "{}", t.name);
        let undone: DbResult<()> =
            t.db.transaction(async |tx| {
                tx.run(new("c", 1).1).await?;
                Err(DbError::Misuse("on purpose"))
            })
            .await;
        assert!(matches!(undone, Err(DbError::Misuse("on purpose"))));
        assert_eq!(count(&t.db).await, 2, "{}", t.name);
    }
}

#[tokio::test]
async fn a_failed_statement_dooms_its_transaction() {
    for t in databases().await {
        let doomed: DbResult<()> =
            t.db.transaction(async |tx| {
                tx.run(new("a", 1).1).await?;
                assert!(matches!(
                    tx.run(new("a", 1).1).await,
                    Err(DbError::Unique { .. })
                ));
                let next = tx.run(new("b", 1).1).await;
                assert!(
                    matches!(next, Err(DbError::TransactionFailed(_))),
                    "{next:?}"
                );
                Ok(())
            })
            .await;
        assert!(
            matches!(doomed, Err(DbError::TransactionFailed(_))),
            "{}: {doomed:?}",
            t.name
        );
        assert_eq!(count(&t.db).await, 0, "{}", t.name);
    }
}

#[tokio::test]
async fn a_write_beside_its_own_transaction_is_an_error() {
    for t in databases().await {
        let db = &t.db;
        let done: DbResult<()> = db
            .transaction(async |tx| {
                tx.run(new("a", 1).1).await?;
                let (write, begin) = (db.run(new("b", 1).1).await, db.begin().await.map(|_| ()));
                assert!(matches!(write, Err(DbError::Misuse(_))), "{write:?}");
                assert!(matches!(begin, Err(DbError::Misuse(_))), "{begin:?}");
                match db.fetch::<i64>(things::table.count()).await {
                    Ok(outside) => assert_eq!(outside, [0]),
                    Err(DbError::Misuse(_)) => assert_eq!(t.name, "memory"),
                    Err(other) => panic!("{other}"),
                }
                Ok(())
            })
            .await;
        done.unwrap();
        assert_eq!(count(db).await, 1, "{}", t.name);
    }
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_at_once() {
    for t in databases_with(|c| c.pool_size = 1).await {
        let db = t.db.clone();
        let never = tokio::spawn(async move {
            db.transaction(async |tx| {
                tx.run(new("a", 1).1).await?;
                std::future::pending::<DbResult<()>>().await
            })
            .await
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        never.abort();
        let _ = never.await;
        // Would wait for the row's lock, or find the row, if the transaction were still open.
        tokio::time::timeout(Duration::from_secs(1), t.db.run(new("a", 1).1))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(count(&t.db).await, 1, "{}", t.name);
    }
}

#[tokio::test]
async fn an_idle_transaction_is_rolled_back_and_says_so() {
    for t in databases().await {
        let tx = t.db.begin().await.unwrap();
        tx.run(new("a", 1).1).await.unwrap();
        tokio::time::sleep(IDLE_IN_TRANSACTION + Duration::from_millis(500)).await;
        let late = tx.run(new("b", 1).1).await.unwrap_err();
        assert!(
            matches!(late, DbError::TransactionFailed(_)),
            "{}: {late:?}",
            t.name
        );
        assert!(tx.commit().await.is_err());
        assert_eq!(count(&t.db).await, 0, "{}", t.name);
    }
}
