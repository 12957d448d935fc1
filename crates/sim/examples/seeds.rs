fn main() {
    let a: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let start = std::time::Instant::now();
    let mut inj = antar_sim::Tally::default();
    let mut chk = antar_sim::Tally::default();
    let trace = a.len() > 2;
    for seed in a[0]..a[1] {
        let r = antar_sim::run(seed, &antar_sim::Options { trace, ..Default::default() });
        inj.merge(&r.injected);
        chk.merge(&r.checked);
        if let Some(v) = r.violation {
            println!("seed {seed}: {v}");
            if trace { for l in r.trace { println!("{l}"); } }
        }
    }
    println!("{:?}\n{:?}\n{:?}", inj, chk, start.elapsed());
}
