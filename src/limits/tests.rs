use super::*;
use crate::ambient;
use crate::services::Redis;

const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn rate(per_second: f64, burst: u32) -> Rate {
    Rate { per_second, burst }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Each row: milliseconds after the start, tokens, and how long to wait (0: go).
async fn check(rate: Rate, rows: &[(u64, u32, u64)]) {
    let limits = Limits::local(10);
    for (at, n, wait) in rows {
        let now = START + ms(*at);
        let expected = match wait {
            0 => Verdict::Go,
            wait => Verdict::WaitUntil(now + ms(*wait)),
        };
        assert_eq!(
            limits.take("key", rate, *n, now).await,
            expected,
            "at {at} ms"
        );
    }
}

#[tokio::test]
async fn one_node_keeps_the_rate() {
    check(
        rate(1.0, 1),
        &[
            (0, 1, 0),
            (0, 1, 1000),
            (999, 1, 1),
            (1000, 1, 0),
            (5000, 1, 0),
            (5000, 1, 1000),
        ],
    )
    .await;
    check(
        rate(10.0, 3),
        &[
            (0, 1, 0),
            (0, 1, 0),
            (0, 1, 0),
            (0, 1, 100),
            (100, 1, 0),
            (100, 2, 200),
        ],
    )
    .await;
    // More than a burst leaves when the key is idle, and is paid for afterwards.
    check(rate(1.0, 1), &[(0, 4, 0), (1000, 1, 3000), (4000, 1, 0)]).await;
    check(rate(0.5, 1), &[(0, 1, 0), (1000, 1, 1000)]).await;
}

#[tokio::test]
async fn keys_are_apart_and_bounded() {
    let limits = Limits::local(100);
    for n in 0..1000 {
        assert_eq!(
            limits.take(&n.to_string(), rate(1.0, 1), 1, START).await,
            Verdict::Go
        );
        assert!(limits.keys() <= 100);
    }
    assert_eq!(
        limits.take("999", rate(1.0, 1), 1, START).await,
        Verdict::WaitUntil(START + ms(1000))
    );
    // An hour later all are idle and make room for one.
    let later = START + Duration::from_secs(3600);
    while limits.keys() < 100 {
        limits
            .take(&limits.keys().to_string(), rate(1.0, 1), 1, START)
            .await;
    }
    limits.take("new", rate(1.0, 1), 1, later).await;
    assert_eq!(limits.keys(), 1);
}

#[test]
fn what_is_left_is_what_is_given() {
    let limits = Limits::local(10);
    let rate = Rate {
        per_second: 10.0,
        burst: 5,
    };
    let mut now = Timestamp::from_micros(1_000_000);
    for pause_ms in [0, 1, 99, 100, 101, 250, 499, 500, 10_000] {
        now = now + Duration::from_millis(pause_ms);
        let left = limits.left("a", rate, now);
        let given = (0..20).filter(|_| limits.take_now("a", rate, 1, now) == Verdict::Go);
        assert_eq!(left as usize, given.count(), "after {pause_ms} ms");
        assert_eq!(limits.left("a", rate, now), 0);
    }
    assert_eq!(limits.left("never asked", rate, now), 5);
}

#[test]
fn the_rate_holds_in_the_long_run() {
    let mut state = crate::model::Ids::new(START, 7);
    for _ in 0..50 {
        let rate = rate(
            0.1 + (state.mix() % 1000) as f64 / 10.0,
            1 + (state.mix() % 20) as u32,
        );
        let (mut now, mut idle, mut given) = (START.micros(), 0, 0.0);
        for _ in 0..2000 {
            now += (state.mix() % 100_000) as i64;
            let n = 1 + (state.mix() % 3) as u32;
            if let Ok(after) = grant(idle, rate, n, now) {
                idle = after;
                given += f64::from(n);
            }
        }
        let seconds = (now - START.micros()) as f64 / 1e6;
        let most = rate.per_second * seconds + f64::from(rate.burst.max(3)) + 0.01;
        assert!(given <= most, "{given} of {most} at {rate:?}");
    }
}

const SHARING: Sharing = Sharing {
    share: 0.25,
    timeout: Duration::from_millis(100),
};

#[tokio::test]
async fn without_redis_a_node_uses_its_safe_share() {
    let limits = Limits::shared("redis://127.0.0.1:1", SHARING, 10).unwrap();
    let watch = ambient::Stopwatch::start();
    assert_eq!(
        limits.take("key", rate(4.0, 4), 1, START).await,
        Verdict::Go
    );
    assert_eq!(
        limits.take("key", rate(4.0, 4), 1, START).await,
        Verdict::WaitUntil(START + ms(1000))
    );
    assert!(watch.elapsed() < ms(1000), "{:?}", watch.elapsed());
}

#[tokio::test]
#[ignore = "needs Redis: ./check"]
async fn two_nodes_share_one_rate() {
    let redis = Redis::start();
    let nodes = [(); 2].map(|()| Limits::shared(&redis.url(), SHARING, 10).unwrap());
    let rate = rate(200.0, 20);
    let watch = ambient::Stopwatch::start();
    let mut given = 0;
    while watch.seconds() < 1.0 {
        for node in &nodes {
            match node.take("key", rate, 1, ambient::now()).await {
                Verdict::Go => given += 1,
                Verdict::WaitUntil(_) => tokio::time::sleep(ms(1)).await,
            }
        }
    }
    let most = 200.0 * watch.seconds() + 20.0;
    assert!(f64::from(given) <= most, "{given} of {most}");
    assert!(
        f64::from(given) >= 120.0,
        "{given}: the rate should also be used"
    );
    let other = nodes[0].take("other", rate, 1, ambient::now()).await;
    assert_eq!(other, Verdict::Go);
}

#[tokio::test]
#[ignore = "needs Redis: ./check"]
async fn a_quiet_node_sees_whether_redis_is_there() {
    let redis = Redis::start();
    let limits = Limits::shared(&redis.url(), SHARING, 10).unwrap();
    let shared = limits.shared.as_ref().unwrap();
    assert!(shared.ping().await);
    redis.freeze();
    assert!(!shared.ping().await);
    redis.resume();
    assert!(shared.ping().await);
}

#[tokio::test]
#[ignore = "needs Redis: ./check"]
async fn redis_may_vanish_and_come_back() {
    let mut redis = Redis::start();
    let limits = Limits::shared(&redis.url(), SHARING, 10).unwrap();
    let slow = rate(0.01, 1);
    let take = async |key: &str, later: u64| {
        let watch = ambient::Stopwatch::start();
        let verdict = limits
            .take(key, slow, 1, ambient::now() + Duration::from_secs(later))
            .await;
        (verdict, watch.elapsed())
    };
    assert_eq!(take("a", 0).await.0, Verdict::Go);
    assert!(matches!(take("a", 0).await.0, Verdict::WaitUntil(_)));
    redis.freeze();
    let (verdict, took) = take("b", 0).await;
    assert_eq!(verdict, Verdict::Go, "the safe share");
    assert!(took < ms(400), "{took:?}");
    let (verdict, took) = take("b", 0).await;
    assert!(
        matches!(verdict, Verdict::WaitUntil(_)) && took < ms(50),
        "{verdict:?} {took:?}"
    );
    redis.resume();
    // A second later it is asked again.
    assert_eq!(take("c", 2).await.0, Verdict::Go);
    redis.crash();
    assert_eq!(take("d", 4).await.0, Verdict::Go);
    redis.run();
    let shared = limits.shared.as_ref().unwrap();
    for _ in 0..100 {
        *shared.away() = 0;
        if shared.lease("e", slow, 1, ambient::now()).await.is_some() {
            return;
        }
        tokio::time::sleep(ms(50)).await;
    }
    panic!("Redis is not asked again");
}
