//! The verdict on one database: which base backup can be restored, to which point, and what of the log is missing. Pure.

use super::base::{Base, Sentinel};
use super::chain::{begin_of_timeline, broken_history, end_of_replay, leads_away};
use super::commit::last_commit;
use super::database::{Database, History};
use super::log::Log;
use super::order::Order;
use super::segment_size::order_of;
use crate::contents::wal_e::{BASE_BACKUPS, LOG, Segment, name_of_base_backup, objects_of};
use crate::report::FindingKind;
use crate::restorable::held_back::Lack;
use crate::restorable::judged::Judged;
use crate::restorable::report::{self, BaseBackup, Gap, Harm};

/// So many of one kind are named one by one.
const MOST_NAMED: usize = 100;

/// Judges a database.
pub(super) fn judge(prefix: &str, mut database: Database, judged: &mut Judged) {
    foreign(prefix, &mut database, judged);
    let order = order_of(&database);
    database.find_starts(order);
    let broken = std::mem::take(&mut database.broken);
    let of_bases = database.bases.values().flat_map(|base| base.broken.clone());
    judged.harm.extend(
        broken.into_iter().chain(of_bases).map(|(key, why)| Harm::new(key, FindingKind::Broken, why)),
    );
    for (segment, end) in database.mark_short(order) {
        let what =
            format!("its records end at {end}, and the log goes on behind it: a replay would end there");
        judged.harm.push(Harm::new(key_of(prefix, segment), FindingKind::Broken, what));
    }
    let judging = Judging { prefix, database: &database, order };
    let bases = judging.bases(judged);
    let gaps = judging.gaps(judged);
    judging.histories(judged);
    judging.mixed(judged);
    judging.falls_short(&bases, judged);
    let unfinished =
        database.bases.iter().filter(|(_, base)| !base.is_finished() && base.partitions.count() > 0);
    let unfinished: Vec<_> =
        unfinished.filter_map(|(sentinel, _)| name_of_base_backup(sentinel)).map(str::to_owned).collect();
    for name in unfinished.iter().take(MOST_NAMED) {
        let what = "it has no sentinel: it is being made, or was broken off, and is not used by a restore";
        judged.harm.push(Harm::new(format!("{prefix}{BASE_BACKUPS}{name}/"), FindingKind::Unfinished, what));
    }
    if database.unread > 0 {
        let what =
            format!("{} objects are not WAL-E's own, such as wal-g's: they are not read", database.unread);
        judged.harm.push(Harm::new(prefix, FindingKind::Unverifiable, what));
    }
    if bases.is_empty() {
        let what =
            "no base backup is finished: there is nothing yet from which the database could be restored";
        judged.harm.push(Harm::new(prefix, FindingKind::Unfinished, what));
    }
    judged.restorability.databases.push(report::Database {
        prefix: prefix.to_owned(),
        base_backups: bases,
        unfinished,
        segments: database.logs.values().map(Log::count).sum(),
        gaps,
        unread: database.unread,
    });
}

/// Takes segments that another system has written out of the log.
fn foreign(prefix: &str, database: &mut Database, judged: &mut Judged) {
    let foreign = database.foreign_segments();
    for (index, (system, segment)) in foreign.iter().enumerate() {
        let key = key_of(prefix, *segment);
        database.log(segment.timeline).break_segment(segment.number, &key);
        if index < MOST_NAMED {
            let what = format!("another database, of system identifier {system}, has written it");
            judged.harm.push(Harm::new(key, FindingKind::Mixed, what));
        }
    }
    if let Some(more) = foreign.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        let what = format!("another database has written {more} more segments");
        judged.harm.push(Harm::new(format!("{prefix}{LOG}"), FindingKind::Mixed, what));
    }
}

struct Judging<'a> {
    prefix: &'a str,
    database: &'a Database,
    order: Order,
}

/// Why a base backup cannot be restored.
enum Why {
    Lacks(Lack),
    Says(String),
    /// It is said elsewhere.
    Known(String),
}

impl Judging<'_> {
    /// The base backups that have a sentinel, by the times of these.
    fn bases(&self, judged: &mut Judged) -> Vec<BaseBackup> {
        let mut bases = Vec::new();
        for (sentinel, base) in self.database.finished() {
            if base.start() != base.named_start() {
                let (named, start) = (base.named_start().name(), base.start().name());
                let what = format!(
                    "it begins with the segment {start} and not with {named}, by whose number WAL-E deletes"
                );
                judged.harm.push(Harm::new(sentinel, FindingKind::Unverifiable, what));
            }
            let why = self.why_not(sentinel, base);
            let end = end_of_replay(self.database, base, self.order).filter(|_| why.is_none());
            let why_not = why.map(|why| match why {
                Why::Lacks(lack) => {
                    let missing = if lack.in_source { "is not there or is damaged" } else { "is lost" };
                    let text = format!("it needs `{}`, which {missing}", lack.key);
                    judged.held_back.0.insert(sentinel.clone(), lack);
                    text
                }
                Why::Says(text) => {
                    judged.harm.push(Harm::new(sentinel, FindingKind::Broken, &text));
                    text
                }
                Why::Known(text) => text,
            });
            bases.push(BaseBackup {
                name: name_of_base_backup(sentinel).unwrap_or(sentinel).to_owned(),
                restorable: why_not.is_none(),
                why_not,
                timeline: end.map(|end| end.timeline),
                last_segment: end.map(Segment::name),
                end: end.and_then(|end| self.database.end_of(end)).map(|end| end.to_string()),
                last_commit: end
                    .and_then(|end| last_commit(self.database, end, self.order))
                    .map(|time| format!("{time:.3}")),
            });
        }
        bases
    }

    fn why_not(&self, sentinel: &str, base: &Base) -> Option<Why> {
        let objects = objects_of(sentinel).unwrap_or_default();
        if let Some(lost) = &base.lost {
            return Some(Why::Lacks(Lack::lost(lost)));
        }
        if let Some((key, _)) = base.broken.first() {
            return Some(Why::Lacks(Lack::in_source(key)));
        }
        if let Some(number) = base.missing_partition() {
            let key = format!("{objects}tar_partitions/part_{number:08}.tar.lzo");
            return Some(Why::Lacks(Lack::in_source(key)));
        }
        if let Some(lack) = self.lacking_segment(base) {
            return Some(Why::Lacks(lack));
        }
        match base.sentinel {
            Sentinel::Broken => Some(Why::Says(
                "WAL-E cannot read it: it says no segment at which the base backup stops".to_owned(),
            )),
            Sentinel::Unread => Some(Why::Known("its sentinel cannot be read".to_owned())),
            Sentinel::None => None,
            Sentinel::Whole { stop, .. } if stop.timeline != base.named_start().timeline => {
                Some(Why::Says("it begins on another timeline than the one on which it stops".to_owned()))
            }
            Sentinel::Whole { .. } => self
                .of_other_system(base)
                .or_else(|| base.wrong().map(Why::Says))
                .or_else(|| {
                    let key = broken_history(self.database, base)?;
                    Some(Why::Known(format!("`{key}` cannot be read: the server does not start with it")))
                })
                .or_else(|| self.leads_away(sentinel, base)),
        }
    }

    fn of_other_system(&self, base: &Base) -> Option<Why> {
        let own = base.read.as_ref()?.control.as_ref()?.system_id;
        let system = self.database.system().filter(|system| *system != own)?;
        Some(Why::Says(format!(
            "it is of another database: its system identifier is {own}, and the one of the latest base backup is {system}"
        )))
    }

    /// PostgreSQL leaves it for a timeline of which it is no part. After a return to an earlier point that is so of those behind it, until
    /// the next one is made: it is damage only of the one that is restored.
    fn leads_away(&self, sentinel: &str, base: &Base) -> Option<Why> {
        let newest = leads_away(self.database, base, self.order)?;
        let text = format!(
            "since PostgreSQL 12 a server goes over to timeline {newest}, which has left this one before the base backup ends: it does \
             not start, unless `recovery_target_timeline` is set to {}. Make a base backup",
            base.start().timeline
        );
        let is_latest = self.database.finished().last().is_some_and(|(latest, _)| *latest == sentinel);
        Some(if is_latest { Why::Says(text) } else { Why::Known(text) })
    }

    /// The first segment between its start and its stop that is not there.
    fn lacking_segment(&self, base: &Base) -> Option<Lack> {
        let (start, stop) = (base.start(), base.stop());
        let empty = Log::default();
        let log = self.database.logs.get(&start.timeline).unwrap_or(&empty);
        let stretches = log.stretches(self.order);
        let with = stretches.iter().find(|stretch| (stretch.first..=stretch.last).contains(&start.number));
        let missing = match with {
            None => start.number,
            Some(stretch) if stretch.last < stop => self.order.next(stretch.last),
            Some(_) => return None,
        };
        let segment = Segment { timeline: start.timeline, number: missing };
        let in_source = || Lack::in_source(format!("{}{LOG}{}", self.prefix, segment.name()));
        Some(log.lack(missing).cloned().unwrap_or_else(in_source))
    }

    /// The number at which the oldest base backup starts: WAL-E deletes what is before it, on whatever timeline.
    fn oldest(&self) -> Option<u64> {
        self.database.bases.values().filter(|base| base.is_finished()).map(|base| base.start().number).min()
    }

    /// The holes of the log behind the start of the oldest base backup.
    fn gaps(&self, judged: &mut Judged) -> Vec<Gap> {
        let Some(oldest) = self.oldest() else { return Vec::new() };
        let mut gaps = Vec::new();
        for (timeline, log) in &self.database.logs {
            let begin = begin_of_timeline(self.database, *timeline, self.order);
            let mut before = begin.map(|begin| begin.max(oldest));
            // The holes before the first base backup of a timeline that has no known begin are nobody's.
            let from = before.unwrap_or_else(|| self.oldest_of(*timeline).unwrap_or(oldest));
            for stretch in log.stretches_of_source(self.order).iter().filter(|stretch| stretch.last >= from) {
                if let Some(missing) = before.filter(|missing| *missing < stretch.first)
                    && gaps.len() < MOST_NAMED
                {
                    let name = |number| Segment { timeline: *timeline, number }.name();
                    let (first_missing, goes_on) = (name(missing), name(stretch.first));
                    let what = format!(
                        "the log has a hole: {first_missing} is not there, and it goes on with {goes_on}. A replay of timeline \
                         {timeline} ends before it, without a word"
                    );
                    let key = format!("{}{LOG}{first_missing}", self.prefix);
                    judged.harm.push(Harm::new(key, FindingKind::Gap, what));
                    gaps.push(Gap { first_missing, goes_on });
                }
                before = Some(self.order.next(stretch.last));
            }
        }
        gaps
    }

    fn oldest_of(&self, timeline: u32) -> Option<u64> {
        let bases = self.database.bases.values().filter(|base| base.is_finished());
        bases.map(Base::start).filter(|start| start.timeline == timeline).map(|start| start.number).min()
    }

    /// A timeline whose begin nobody knows is not found by a replay that comes from another one. The lowest may come from elsewhere.
    fn histories(&self, judged: &mut Judged) {
        for history in self.database.histories.values() {
            if let History::Broken(key, why) = history {
                judged.harm.push(Harm::new(key, FindingKind::Broken, why));
            }
        }
        let (Some(oldest), Some(lowest)) = (self.oldest(), self.lowest_timeline()) else { return };
        let used = self.database.logs.iter().filter(|(_, log)| log.last().is_some_and(|last| last >= oldest));
        for (timeline, _) in used.filter(|(timeline, _)| **timeline > lowest) {
            if !self.database.histories.contains_key(timeline) {
                let key = format!("{}{LOG}{timeline:08X}.history.lzo", self.prefix);
                let what = format!(
                    "timeline {timeline} has a log, and its history is not there: no replay finds it"
                );
                judged.harm.push(Harm::new(key, FindingKind::Gap, what));
            }
        }
    }

    fn lowest_timeline(&self) -> Option<u32> {
        let of_bases = self.database.bases.values().map(|base| base.start().timeline);
        let of_logs =
            self.database.logs.iter().filter(|(_, log)| !log.is_empty()).map(|(timeline, _)| *timeline);
        of_bases.chain(of_logs).min()
    }

    /// WAL-E restores the base backup whose sentinel was written last, and deletes those with the lowest numbers: where these two
    /// orders differ, two databases have written, or one that was set back.
    fn mixed(&self, judged: &mut Judged) {
        let mut furthest: Option<(&String, &Base)> = None;
        for (sentinel, base) in self.database.finished() {
            if let Some((name, before)) = furthest
                && before.modified < base.modified
                && base.start().number < before.start().number
            {
                let (name, later) = (name_of_base_backup(name).unwrap_or(name), base.start().timeline);
                let (kind, what) = if later > before.start().timeline {
                    let what = format!(
                        "it was written after {name}, and its number is lower, since its timeline begins before that: WAL-E will delete \
                         it first"
                    );
                    (FindingKind::Unverifiable, what)
                } else {
                    let what = format!(
                        "it was written after {name}, and its number is lower: two databases have written here, or one that was set \
                         back. WAL-E restores the one written last, and deletes the lowest first"
                    );
                    (FindingKind::Mixed, what)
                };
                judged.harm.push(Harm::new(sentinel, kind, what));
            } else {
                furthest = Some((sentinel, base));
            }
        }
    }

    /// Whether a restore would give less than there is.
    fn falls_short(&self, bases: &[BaseBackup], judged: &mut Judged) {
        let of = match self.prefix.trim_end_matches('/') {
            "" => "the database".to_owned(),
            prefix => format!("the database below `{prefix}`"),
        };
        let Some(latest) = bases.last() else { return };
        // What is held back is not restored, and WAL-E takes the one before.
        let is_taken = self.database.finished().last().is_some_and(|(sentinel, base)| {
            base.sentinel != Sentinel::Unread && judged.held_back.lost(sentinel).is_none()
        });
        let best = bases.iter().rev().find(|base| base.restorable || (is_taken && *base == latest));
        let Some(best) = best.filter(|base| base.restorable) else {
            let why = latest.why_not.as_deref().unwrap_or_default();
            judged
                .restorability
                .falls_short
                .push(format!("{of} cannot be restored from {}: {why}", latest.name));
            return;
        };
        let end = best.last_segment.as_deref().and_then(Segment::of_name);
        let last = end.and_then(|end| Some((end, self.last_of(end.timeline)?)));
        if let Some((end, last)) = last.filter(|(end, last)| end.number < *last) {
            let last = Segment { timeline: end.timeline, number: last }.name();
            let text = format!(
                "{of} would be restored from {} to {} alone, and the log goes to {last}",
                best.name,
                end.name()
            );
            judged.restorability.falls_short.push(text);
        }
    }

    fn last_of(&self, timeline: u32) -> Option<u64> {
        let stretches = self.database.logs.get(&timeline)?.stretches_of_source(self.order);
        stretches.last().map(|stretch| stretch.last)
    }
}

fn key_of(prefix: &str, segment: Segment) -> String {
    format!("{prefix}{LOG}{}.lzo", segment.name())
}
