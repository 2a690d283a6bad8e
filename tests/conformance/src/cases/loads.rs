//! Level loads: the file is an extension, the host opens it, and it makes an instance and a context.
//!
//! These run in order and the first that fails ends the run: a file that is no ELF file has no metadata to judge.

use heddle_host::loader::{self, LoadError};

use super::process;
use crate::case::{ALL, CFW, Case, Level, Verdict, case};
use crate::proxy;
use crate::rig::{Rig, Subject};

const L: Level = Level::Loads;

pub(crate) const CASES: &[Case] = &[
    case(
        (L, "shared-object"),
        ALL,
        "ABI, exported symbols",
        "The file is a shared object for this processor.",
        |subject| {
            refused(subject, |error| {
                use LoadError as E;
                matches!(error, E::NotElf | E::DamagedElf { .. } | E::WrongArchitecture { .. } | E::NotShared { .. })
            })
        },
    )
    .beside(),
    case(
        (L, "exports-its-tables"),
        ALL,
        "ABI, exported symbols",
        "It exports metadata, function table and layout table.",
        |subject| refused(subject, |error| matches!(error, LoadError::MissingSymbol { .. })),
    )
    .beside(),
    case((L, "magic-number"), ALL, "heddle_meta_t.magic", "The metadata begins with the magic number.", |subject| {
        refused(subject, |error| matches!(error, LoadError::BadMagic))
    })
    .beside(),
    case(
        (L, "record-size"),
        ALL,
        "heddle_meta_t.record_size",
        "The metadata has the length of its major version.",
        |subject| refused(subject, |error| matches!(error, LoadError::MetaSize { .. })),
    )
    .beside(),
    case((L, "byte-order"), ALL, "heddle_meta_t.endianness", "It is built for this byte order.", |subject| {
        refused(subject, |error| matches!(error, LoadError::Endianness))
    })
    .beside(),
    case(
        (L, "abi-major"),
        ALL,
        "heddle_meta_t.abi_major",
        "It is built for this major version of the ABI.",
        |subject| refused(subject, |error| matches!(error, LoadError::AbiMajor { .. })),
    )
    .beside(),
    case(
        (L, "host-minor"),
        ALL,
        "heddle_meta_t.min_host_minor",
        "It asks for no newer host than this one.",
        |subject| refused(subject, |error| matches!(error, LoadError::HostTooOld { .. })),
    )
    .beside(),
    case((L, "known-role"), ALL, "heddle_meta_t.role", "Its role is one of the four.", |subject| {
        refused(subject, |error| matches!(error, LoadError::UnknownRole { .. }))
    })
    .beside(),
    case(
        (L, "known-capabilities"),
        ALL,
        "heddle_meta_t.capabilities",
        "It declares no capability that there is not.",
        |subject| refused(subject, |error| matches!(error, LoadError::UnknownCapabilities { .. })),
    )
    .beside(),
    case(
        (L, "valid-texts"),
        ALL,
        "heddle_meta_t.id and others",
        "Its texts are UTF-8 without control characters; its id is a name.",
        |subject| refused(subject, |error| matches!(error, LoadError::BadText { .. })),
    )
    .beside(),
    case(
        (L, "layout-agrees"),
        ALL,
        "heddle_extension_layout",
        "Every struct, signature and constant is the host's.",
        |subject| refused(subject, |error| matches!(error, LoadError::Layout(_))),
    )
    .beside(),
    case((L, "opens"), ALL, "ABI, RTLD_NOW", "The dynamic linker finds everything it needs.", |subject| {
        refused(subject, |error| matches!(error, LoadError::Linker { .. } | LoadError::Copy { .. }))
    })
    .beside(),
    case(
        (L, "table-size"),
        ALL,
        "heddle_extension_v1_t.struct_size",
        "Its function table states its true size.",
        |subject| refused(subject, |error| matches!(error, LoadError::EntrySize { .. })),
    )
    .beside(),
    case(
        (L, "required-functions"),
        ALL,
        "heddle_extension_v1_t",
        "The functions its role must have are there.",
        |subject| refused(subject, |error| matches!(error, LoadError::MissingFunction { .. })),
    )
    .beside(),
    case(
        (L, "opening-changes-nothing"),
        ALL,
        "ABI, exported symbols",
        "Opening the file changes nothing of the process: no signal handler, directory, thread or descriptor.",
        opening,
    )
    .beside(),
    case(
        (L, "makes-an-instance"),
        ALL,
        "heddle_create_fn",
        "With its configuration it makes an instance.",
        |subject| {
            // Its end has a case of its own, so nothing is ended here.
            let mut rig = std::mem::ManuallyDrop::new(Rig::without(subject, 2, 1)?);
            match rig.enable(subject) {
                Err(heddle_host::offline::OfflineError::Create(failure))
                    if !failure.to_string().contains("worker_init") =>
                {
                    Err(format!("{failure}; --config KEY=VALUE gives it a configuration"))
                }
                _ => Ok(String::new()),
            }
        },
    ),
    case(
        (L, "context-made"),
        CFW,
        "heddle_worker_init_fn (Driver Verifier A003)",
        "It makes a context for a worker.",
        |subject| Rig::new(subject, 2, 1).map(std::mem::ManuallyDrop::new).map(|_| String::new()),
    ),
    case(
        (L, "leaves-in-order"),
        ALL,
        "heddle_destroy_fn",
        "It can be disabled without having seen a frame.",
        |subject| {
            let mut rig = Rig::new(subject, 2, 1)?;
            rig.switch.disable(rig.extension);
            Ok(String::new())
        },
    ),
];

/// Loads the file; fails when it is refused for the reason this case is about.
fn refused(subject: &Subject, mine: fn(&LoadError) -> bool) -> Verdict {
    let judged = match loader::judge(&subject.file) {
        // What is wrong with the bytes is known without opening the file.
        Err(error) => Err(error),
        Ok(_) => {
            proxy::opening();
            subject.open().map(|_| ())
        }
    };
    match judged {
        Err(error) if mine(&error) => Err(error.to_string()),
        _ => Ok(String::new()),
    }
}

fn opening(subject: &Subject) -> Verdict {
    let before = process::Facts::now();
    proxy::opening();
    subject.open().map_err(|error| error.to_string())?;
    before.compare(&process::Facts::now())
}
