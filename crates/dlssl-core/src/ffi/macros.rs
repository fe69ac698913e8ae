//! The two macros behind the lists: `symbols!` for functions, `constants!` for constants. Flat, not recursive.

/// Declares the C functions of one header: a table of pointers and the plain data about each entry.
///
/// `required` functions are plain pointers: TLS cannot work without them and a library that lacks one is refused.
/// `optional` ones are `Option`s, visible to this crate only, so that version tests stay in `compat`.
/// After `where`, an entry may say
/// - `openssl "1.1.0.."`, `libressl "never"`: the versions that export the newest name (all, if not said);
/// - `was "OLD"`: the name it is loaded under where the newest one is absent;
/// - `symbol "NAME"`: the C name, where the field has another because the signature differs between versions;
///   such an entry is taken only inside its ranges.
macro_rules! symbols {
    (
        $(#[$table_doc:meta])*
        table $table:ident, library $half:ident, header $header:literal;
        required { $(
            $(#[$r_doc:meta])*
            fn $r_name:ident($($r_arg:ident: $r_type:ty),* $(,)?) $(-> $r_result:ty)?
                $(where $($r_word:ident $r_value:literal),+)?;
        )* }
        optional { $(
            $(#[$o_doc:meta])*
            fn $o_name:ident($($o_arg:ident: $o_type:ty),* $(; $o_more:tt)?) $(-> $o_result:ty)?
                $(where $($o_word:ident $o_value:literal),+)?;
        )* }
    ) => {
        $(#[$table_doc])*
        #[allow(non_snake_case)]
        #[derive(Clone, Copy)]
        pub struct $table {
            $(
                #[doc = concat!("[`", stringify!($r_name), "`](https://docs.openssl.org/master/man3/",
                    stringify!($r_name), "/)")]
                $(#[$r_doc])*
                pub $r_name: unsafe extern "C" fn($($r_arg: $r_type),*) $(-> $r_result)?,
            )*
            $(
                #[doc = concat!("[`", stringify!($o_name), "`](https://docs.openssl.org/master/man3/",
                    stringify!($o_name), "/), where the library has it.")]
                $(#[$o_doc])*
                #[allow(dead_code)] // some are listed for the capability query alone
                pub(crate) $o_name: Option<unsafe extern "C" fn($($o_arg: $o_type),* $(, $o_more)?) $(-> $o_result)?>,
            )*
        }

        impl $table {
            /// Data about each entry, in the order of the fields.
            pub(crate) const SPECS: &'static [$crate::ffi::SymbolSpec] = &[
                $(
                    $crate::ffi::SymbolSpec::new(stringify!($r_name), $crate::ffi::Half::$half, $header, true)
                        .signature(&[$(stringify!($r_type)),*], concat!($(stringify!($r_result))?), file!())
                        $($(.$r_word($r_value))+)?,
                )*
                $(
                    $crate::ffi::SymbolSpec::new(stringify!($o_name), $crate::ffi::Half::$half, $header, false)
                        .signature(
                            &[$(stringify!($o_type),)* $(stringify!($o_more))?],
                            concat!($(stringify!($o_result))?),
                            file!(),
                        )
                        $($(.$o_word($o_value))+)?,
                )*
            ];

            /// Makes the table from one pointer for each entry; `None` when a required one is missing.
            ///
            /// # Safety
            /// Each pointer must be the C function that the entry in the same place describes.
            pub(crate) unsafe fn fill(
                pointers: &mut dyn Iterator<Item = Option<std::ptr::NonNull<std::ffi::c_void>>>,
            ) -> Option<Self> {
                Some(Self {
                    // SAFETY: by contract the pointer is the function of this entry, whose type this is; both are
                    // one word, and an absent function and `None` are both null.
                    $($r_name: unsafe { std::mem::transmute::<
                        std::ptr::NonNull<std::ffi::c_void>,
                        unsafe extern "C" fn($($r_type),*) $(-> $r_result)?,
                    >(pointers.next()??) },)*
                    // SAFETY: as above.
                    $($o_name: unsafe { std::mem::transmute::<
                        Option<std::ptr::NonNull<std::ffi::c_void>>,
                        Option<unsafe extern "C" fn($($o_type),* $(, $o_more)?) $(-> $o_result)?>,
                    >(pointers.next()?) },)*
                })
            }
        }

        impl std::fmt::Debug for $table {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($table)).finish_non_exhaustive()
            }
        }
    };
}

/// Declares constants that have one value wherever they exist, and the plain data about each.
macro_rules! constants {
    ($(
        header $header:literal {
            $(
                $(#[$doc:meta])*
                $name:ident: $type:ty = $value:literal $(where $($word:ident $range:literal),+)?;
            )*
        }
    )*) => {
        $($(
            $(#[$doc])*
            pub const $name: $type = $value;
        )*)*

        /// Data about each constant of the list.
        pub const SPECS: &[$crate::ffi::ConstantSpec] = &[
            $($(
                $crate::ffi::ConstantSpec::new(stringify!($name), $header, $value)
                    $($(.$word($range))+)?,
            )*)*
        ];
    };
}

pub(crate) use {constants, symbols};
