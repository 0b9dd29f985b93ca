//! The vocabulary: ordinary words, programming words and invented names.

use crate::rng::Rng;

const COMMON: &str = "the to a of and is in it that for this with on be not as we are if now from by \
    when so use can at but only same need one will have all an or has should let there then each \
    before after into which does file line new first path here where no still already because still \
    other more them what its two check case keep change read write next make run set find both any \
    also every once since while most over under without between would could might must may just \
    really very small large simple clear correct wrong missing existing current previous last \
    default whole part side place way thing point step order name number size kind value result \
    reason question answer problem behaviour rule idea plan work look show tell add remove move \
    rename replace update keep leave start stop begin end open close return pass fail match expect \
    want mean happen follow explain describe confirm verify inspect compare measure decide choose \
    handle support allow avoid prevent ignore skip reuse share split join merge load store save \
    print report list count sort filter collect convert wrap create build compile install ship \
    review clean simplify tidy cover break repair restore preserve depend belong contain include \
    again later early often never always maybe instead together apart around through against during \
    about above below behind near along despite toward unless until whether though although however \
    therefore finally meanwhile otherwise probably certainly exactly roughly nearly directly \
    separately explicitly silently safely quickly slowly carefully currently usually actually \
    quiet narrow wide deep short long empty full fresh stale strict loose plain rough steady safe \
    public private local remote global shared common special general specific extra single double \
    user people team owner reader author caller reviewer customer machine screen page table column \
    row cell field button form link menu window dialog letter word sentence paragraph chapter note \
    minute hour day week month year today yesterday tomorrow morning summer winter spring autumn";

const TECH: &str = "test function error code module config state request response client server token \
    index key data type string parser buffer cache session record event handler schema query row \
    thread task worker queue stream channel socket payload header body route endpoint service store \
    database migration column transaction lock commit branch merge diff patch hunk tree node edge \
    graph leaf root parent child scope context option flag argument parameter variable constant enum \
    struct trait interface class method property field tuple slice vector array map hash digest \
    signature cipher certificate secret password account role policy permission audit ledger report \
    metric counter gauge histogram trace span log logger level format encoder decoder reader writer \
    cursor offset length limit batch chunk page frame packet segment block sector volume mount \
    directory manifest package crate dependency version release artifact target profile feature \
    build compiler linker runtime allocator collector pointer reference lifetime closure callback \
    future promise executor scheduler timer deadline timeout retry backoff limiter throttle shard \
    replica leader follower quorum snapshot checkpoint journal replay rollback recovery fixture mock \
    stub harness assertion coverage benchmark profiler sampler debugger breakpoint panic exception \
    warning lint formatter template renderer layout widget component prop hook reducer selector \
    action dispatch effect observer listener emitter subscriber publisher broker topic partition \
    consumer producer gateway proxy balancer firewall cluster pod container image catalog volume \
    pipeline stage job runner workflow trigger webhook cron daemon process signal shell command \
    terminal prompt cursor viewport canvas shader texture mesh vertex pixel glyph font locale \
    timezone calendar currency invoice payment order basket product price discount shipment address";

const FOREIGN: [&str; 3] = [
    "請 先 檢查 設定 檔案 然後 修正 測試 失敗 的 原因 不要 改變 介面 保留 現有 行為 更新 文件 使用者 資料 輸出",
    "проверь пожалуйста почему тест падает исправь ошибку в модуле не меняй интерфейс добавь описание \
     файла настройки после этого запусти сборку данные вывод",
    "café naïve Übersicht größer Prüfung señal año élève déjà — … ✅ 🚀 🌊 façade Zürich Ångström niño",
];

const SYLLABLES: &str = "ba be bo da de di do fa fe fi ga ge ka ke ki ko la le li lo ma me mi mo na ne \
    ni no pa pe po ra re ri ro sa se si so ta te ti to va ve vi za zo bran crel dorn fenk glim harn \
    jost kelp lund marn nost pell quin rask selv tarn ulm vorn wex yarl zeph";

pub struct Vocab {
    pub common: Vec<&'static str>,
    pub tech: Vec<&'static str>,
    pub foreign: [Vec<&'static str>; 3],
    pub rare: Vec<String>,
}

impl Vocab {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 1);
        let syllables: Vec<&str> = SYLLABLES.split_whitespace().collect();
        let rare = (0..9000).map(|_| {
            let parts = 2 + rng.below(3);
            (0..parts).map(|_| *rng.pick(&syllables)).collect()
        });
        Vocab {
            common: COMMON.split_whitespace().collect(),
            tech: TECH.split_whitespace().collect(),
            rare: rare.collect(),
            foreign: FOREIGN.map(|list| list.split_whitespace().collect()),
        }
    }

    /// A word of prose.
    pub fn word(&self, rng: &mut Rng) -> &str {
        match rng.below(100) {
            0..62 => rng.zipf::<&str>(&self.common),
            62..93 => rng.zipf::<&str>(&self.tech),
            _ => rng.zipf::<String>(&self.rare),
        }
    }

    /// A name as programmers form them: `cache_entry`, `CacheEntry`, `cacheEntry`, `marnbe`.
    pub fn ident(&self, rng: &mut Rng) -> String {
        let first = *rng.pick(&self.tech);
        let second =
            if rng.chance(500) { *rng.pick(&self.tech) } else { rng.pick(&self.rare).as_str() };
        match rng.below(10) {
            0..5 => format!("{first}_{second}"),
            5..7 => format!("{}{}", capital(first), capital(second)),
            7..8 => format!("{first}{}", capital(second)),
            8..9 => rng.pick(&self.rare).clone(),
            _ => first.to_string(),
        }
    }
}

pub fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}
