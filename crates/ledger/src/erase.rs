//! Erasure: destroys bodies and salts, and keeps what proves that they were there.
//!
//! No step is noted: each looks at what is there, so that one that was stopped is done again, and HEAD alone says that
//! there is something to finish. See `docs/FORMAT.md` section 8.

use super::appender::Appended;
use super::block::{BLOCK_BYTES, block_count};
use super::codec::{Decoder, Encoder};
use super::controls::Controls;
use super::error::{LedgerError, Result};
use super::extents::is_sound;
use super::journal::{self, Frame, FrameKind, JournalWriter, journal_path};
use super::open::{Ledger, LedgerPaths, SOFTWARE, write_format};
use super::pack::{Pack, StoredEntry, without_bodies};
use super::reader::LedgerReader;
use super::side;
use super::volume::{self, Volume, VolumeBuilder, digest_files};
use super::volume_reader::VolumeReader;
use codex_ledger_entry::{EntryId, Erasure, Kind, Seq, SeqRange, SeqSet};
use std::thread::Builder;

impl Ledger {
    /// Appends the intent of an erasure. From when this returns on, readers give what it takes as erased, and whoever opens
    /// the ledger next finishes it.
    ///
    /// # Errors
    /// When another one is under way, something of what it takes cannot be read, or the intent not be written.
    pub fn begin_erasure(&mut self, erasure: &Erasure, body: &[u8]) -> Result<Seq> {
        let end = self.head.end();
        let fits =
            Erasure::decode(end, body).as_ref() == Some(erasure) && body.len() <= BLOCK_BYTES;
        if self.head.erasing.is_some() || !fits {
            let detail = "another erasure is under way, or the intent does not say what it takes";
            return Err(LedgerError::damaged(&self.dir, detail));
        }
        // One that cannot be finished would stand in the way of everything else.
        for volume in self.volumes_with(&erasure.entries)? {
            self.check_readable(&volume)?;
        }
        let head = &mut self.head;
        head.pass(Kind::EraseIntent, end);
        // An older program must not take what is gone for lost.
        write_format(&self.world, &self.dir, &self.head)?;
        Ok(self.append_one(Kind::EraseIntent, body)?.entries.from)
    }

    /// Destroys what the erasure that is under way takes, everywhere in the ledger's folder but in what is derived.
    ///
    /// # Errors
    /// When something cannot be read or written; it then is still under way.
    pub fn erase_bodies(&mut self) -> Result<()> {
        let under_way = LedgerReader::open(&self.dir)?.erasure_under_way()?;
        let Some((_, Erasure { entries, .. })) = under_way else { return Ok(()) };
        self.clear_side_records(&entries)?;
        let mut volumes = self.volumes_with(&entries)?;
        volumes.retain(|volume| volume.generation != self.head.generation);
        self.write_volumes_anew(&volumes, &entries)?;
        volume::discard_unsettled(&self.world, &self.dir)?;
        self.write_journal_anew(&entries)
    }

    /// Appends that the erasure is done.
    ///
    /// # Errors
    /// When it cannot be written; the erasure then is still under way.
    pub fn end_erasure(&mut self) -> Result<Appended> {
        let mut reader = LedgerReader::open(&self.dir)?;
        let Some((seq, erasure)) = reader.erasure_under_way()? else {
            return Err(LedgerError::damaged(&self.dir, "no erasure is under way"));
        };
        let intent: EntryId = reader.control(seq)?.map(|entry| entry.id).unwrap_or_default();
        drop(reader);
        self.head.pass(Kind::EraseDone, self.head.end());
        self.append_about(Kind::EraseDone, intent, &erasure.done(SOFTWARE))
    }

    fn volumes_with(&self, entries: &SeqSet) -> Result<Vec<Volume>> {
        let mut volumes = volume::list(&self.dir)?;
        volumes.retain(|volume| entries.meets(volume.seqs()));
        Ok(volumes)
    }

    /// Makes sure that every pack and block of a volume can be read: certain, where its files are as they were settled.
    fn check_readable(&self, volume: &Volume) -> Result<()> {
        if digest_files(&volume.dir(&self.dir)).is_ok_and(|files| files == volume.files) {
            return Ok(());
        }
        self.each_part(volume, &SeqSet::default(), &mut |_, _| Ok(()))
    }

    /// Gives the blocks and packs of a volume as a journal has them, without what is erased.
    fn each_part(
        &self,
        volume: &Volume,
        erased: &SeqSet,
        each: &mut dyn FnMut(FrameKind, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let path = volume.dir(&self.dir);
        let reader = VolumeReader::open(&self.dir, volume)?;
        let (mut encoder, mut decoder) = self.codecs()?;
        let mut next = volume.first_seq;
        while next < volume.end_seq {
            let damaged = |detail: &str| LedgerError::damaged_at(&path, next, detail);
            let bytes = reader.pack_with(next)?.ok_or_else(|| damaged("the entry is missing"))?;
            let pack = Pack::decode(&mut decoder, &bytes).map_err(|e| damaged(&e.to_string()))?;
            let stays = |entry: &&StoredEntry| entry.is_in_blocks() && !erased.contains(entry.seq);
            for entry in pack.entries.iter().filter(stays) {
                for index in 0..block_count(entry.body_len) {
                    let gone = || damaged("a block of a body is missing or damaged");
                    let block = reader.block(entry.seq, index)?.filter(|bytes| is_sound(bytes));
                    each(FrameKind::Block, &block.ok_or_else(gone)?)?;
                }
            }
            match erased.meets(pack.info.seqs()) {
                true => each(FrameKind::Pack, &without_bodies(&pack, &mut encoder, erased))?,
                false => each(FrameKind::Pack, &bytes)?,
            }
            next = pack.info.end_seq();
        }
        Ok(())
    }

    /// Writes volumes anew, some at once.
    fn write_volumes_anew(&self, volumes: &[Volume], erased: &SeqSet) -> Result<()> {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).clamp(1, 4);
        for some in volumes.chunks(threads) {
            std::thread::scope(|scope| {
                let others = some.iter().skip(1).map(|volume| {
                    let write = || self.write_volume_anew(volume, erased);
                    // Where the system starts no more threads, one after the other.
                    Builder::new().spawn_scoped(scope, write).map_err(|_| volume)
                });
                let others: Vec<_> = others.collect();
                let mut done =
                    some.first().map_or(Ok(()), |first| self.write_volume_anew(first, erased));
                for other in others {
                    let written = match other {
                        Ok(thread) => thread.join().unwrap_or_else(|_| {
                            let detail = "a thread of the erasure panicked";
                            Err(LedgerError::damaged(&self.dir, detail))
                        }),
                        Err(volume) => self.write_volume_anew(volume, erased),
                    };
                    done = done.and(written);
                }
                done
            })?;
        }
        Ok(())
    }

    /// Writes a volume anew, by way of a journal, as every volume is made. That journal holds what stays alone; where it is
    /// left, it is one that has done its work.
    fn write_volume_anew(&self, volume: &Volume, erased: &SeqSet) -> Result<()> {
        let (world, dir, head) = (&self.world, &self.dir, &self.head);
        let first_seq = volume.first_seq;
        let mut journal = JournalWriter::create(world, dir, &head.identity, first_seq)?;
        self.each_part(volume, erased, &mut |kind, bytes| journal.write(world, kind, bytes))?;
        journal.sync(world)?;
        let named = (first_seq, head.generation);
        let mut builder = VolumeBuilder::start(dir, &head.identity, named)?;
        builder.advance(journal.position())?;
        builder.settle(world, volume.end_seq, volume.last)?;
        journal::remove(world, dir, first_seq)
    }

    fn write_journal_anew(&mut self, erased: &SeqSet) -> Result<()> {
        let (head, first_seq) = (&self.head, self.head.settled);
        let Some(end) =
            self.journal_end.filter(|_| erased.meets(SeqRange::new(first_seq, head.end())))
        else {
            return Ok(());
        };
        let (mut encoder, mut decoder) = self.codecs()?;
        let path = journal_path(&self.dir, first_seq);
        let root = head.chain.tree.root();
        let commit = journal::Commit { end: head.end(), id: head.chain.id, root };
        let mut change = |frame: Frame| match frame.kind {
            FrameKind::Commit => Ok(Some(frame.payload)),
            FrameKind::Block => {
                let seq = super::block::block_place(&frame.payload).map(|(seq, _)| seq);
                Ok(seq.filter(|seq| !erased.contains(*seq)).map(|_| frame.payload))
            }
            FrameKind::Pack => {
                let pack = Pack::decode(&mut decoder, &frame.payload)
                    .map_err(|e| LedgerError::damaged_at(&path, first_seq, e.to_string()))?;
                Ok(Some(match erased.meets(pack.info.seqs()) {
                    true => without_bodies(&pack, &mut encoder, erased),
                    false => frame.payload,
                }))
            }
        };
        let written = journal::write_anew(
            &self.world,
            &self.dir,
            &head.identity,
            first_seq,
            (end, &commit),
            &mut change,
        )?;
        self.journal_end = Some(written);
        Ok(())
    }

    /// What is noted of sources and decisions quotes them. Of the sources it is made anew from what stays.
    fn clear_side_records(&self, erased: &SeqSet) -> Result<()> {
        let paths = LedgerPaths { dir: self.dir.clone() };
        let mut quoting = vec![paths.tails(), paths.sources()];
        match side::load::<Controls>(&paths.controls()).filter(|of| of.is_of(&self.head)) {
            Some(mut controls) => {
                controls.forget(erased);
                controls.save(&self.world, &paths)?;
            }
            None => quoting.push(paths.controls()),
        }
        for path in quoting {
            match self.world.disk.remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(LedgerError::io("cannot remove", &path)(e));
                }
                _ => {}
            }
        }
        self.world.disk.sync_dir(&self.dir).map_err(LedgerError::io("cannot sync", &self.dir))
    }

    fn codecs(&self) -> Result<(Encoder, Decoder)> {
        let none = |error| LedgerError::io("no compressor for", &self.dir)(error);
        Ok((Encoder::new().map_err(none)?, Decoder::new().map_err(none)?))
    }
}
