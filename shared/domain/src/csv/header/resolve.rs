//! What the cells of a header mean together: names that are as good for two columns, several
//! columns of one kind, and the customer's own mapping.

use crate::column::{ColumnName, Field, Slot};
use crate::csv::error::FileError;
use crate::mutants::{Bug, has};

use super::mapping::{ColumnMapping, ColumnMappings, same_letters, same_text};
use super::recognise::{Index, Recognised, recognise};

/// Decides the column of each header cell.
///
/// # Errors
///
/// A mapping to a cell that the header lacks; from left to right, an index that is not 1 to 10; two
/// columns with the same meaning.
pub(super) fn resolve(
    header: &[String],
    mappings: &ColumnMappings,
) -> Result<Vec<Option<ColumnName>>, FileError> {
    let mut columns = mapped(header, mappings)?;
    let is_mapped = |index: usize, columns: &[Option<ColumnName>]| columns[index].is_some();
    let mut recognised: Vec<Option<Recognised>> = header
        .iter()
        .enumerate()
        .map(|(index, cell)| if is_mapped(index, &columns) { None } else { recognise(cell) })
        .collect();
    check_indexes(&recognised)?;
    settle_address_2(&mut recognised);
    keep_first_external_id(&mut recognised, &columns);

    let mapped: Vec<ColumnName> = columns.iter().flatten().copied().collect();
    check_mapped_twice(&columns)?;
    let mut phones: Vec<(usize, usize)> = Vec::new();
    for (index, recognised) in recognised.iter().enumerate() {
        let Some(Recognised { named, index: slot, .. }) = recognised else { continue };
        let slot = match slot {
            Index::Slot(slot) => Some(*slot),
            Index::None | Index::OutOfRange => None,
        };
        let column = ColumnName::new(named.field, slot);
        // The customer's word wins over the table.
        if mapped.contains(&column) && named.field != Field::Phone {
            continue;
        }
        if named.field == Field::Phone && slot.is_none() {
            let is_new_name = !phones.iter().any(|(_, rank)| *rank == named.rank);
            phones.push((index, named.rank));
            if is_new_name {
                continue;
            }
        }
        let first = columns.iter().position(|known| *known == Some(column));
        let first = first.or_else(|| {
            (named.field == Field::Phone && slot.is_none())
                .then(|| first_phone(&phones, named.rank))
                .flatten()
        });
        if let Some(first) = first {
            return Err(FileError::DuplicateColumn { column, first: first + 1, second: index + 1 });
        }
        columns[index] = Some(column);
    }
    number_phones(&phones, &mut columns)?;
    Ok(columns)
}

fn first_phone(phones: &[(usize, usize)], rank: usize) -> Option<usize> {
    phones.iter().find(|(_, known)| *known == rank).map(|(index, _)| *index)
}

/// Gives each mapped column to the header cell that the customer means. A cell with the very text
/// is meant before one with the same letters.
fn mapped(
    header: &[String],
    mappings: &ColumnMappings,
) -> Result<Vec<Option<ColumnName>>, FileError> {
    let mut columns = vec![None; header.len()];
    let mut open: Vec<&ColumnMapping> =
        mappings.iter().filter(|_| !has(Bug::MappingsIgnored)).collect();
    for key in [|header: &str| Some(same_text(header)), same_letters] {
        let cells: Vec<Option<String>> = header.iter().map(|cell| key(cell)).collect();
        open.retain(|mapping| {
            let wanted = key(&mapping.header);
            let mut is_open = true;
            for (cell, column) in cells.iter().zip(&mut columns) {
                // No two mappings share a cell: the second one would take it from the first.
                if column.is_none() && wanted.is_some() && *cell == wanted {
                    *column = Some(mapping.column);
                    is_open = false;
                }
            }
            is_open
        });
    }
    match open.first().filter(|_| !has(Bug::MappedHeaderOptional)) {
        None => Ok(columns),
        Some(ColumnMapping { column, header }) => {
            Err(FileError::MappedHeaderMissing { column: *column, header: header.clone() })
        }
    }
}

fn check_mapped_twice(columns: &[Option<ColumnName>]) -> Result<(), FileError> {
    for (second, column) in columns.iter().enumerate() {
        let Some(column) = *column else { continue };
        if let Some(first) = columns[..second].iter().position(|known| *known == Some(column)) {
            return Err(FileError::DuplicateColumn {
                column,
                first: first + 1,
                second: second + 1,
            });
        }
    }
    Ok(())
}

fn check_indexes(recognised: &[Option<Recognised>]) -> Result<(), FileError> {
    let wrong = recognised.iter().enumerate().find_map(|(index, cell)| {
        let cell = cell.filter(|cell| cell.index == Index::OutOfRange)?;
        Some(FileError::IndexOutOfRange { field: cell.named.field, position: index + 1 })
    });
    wrong.map_or(Ok(()), Err)
}

/// `Address 2` is the first line of the second address where the file has a city or zip code of a
/// second address, and else the second line of the first.
fn settle_address_2(recognised: &mut [Option<Recognised>]) {
    let second = Slot::new(2).map_or(Index::None, Index::Slot);
    let has_second = recognised
        .iter()
        .flatten()
        .any(|cell| matches!(cell.named.field, Field::City | Field::Zip) && cell.index == second);
    for cell in recognised.iter_mut().flatten().filter(|cell| cell.is_address_2) {
        (cell.named.field, cell.index) = if has_second {
            (Field::AddressLine1, second)
        } else {
            (Field::AddressLine2, Index::None)
        };
    }
}

/// Of the names of the external id the first in the order of the table counts; columns with the
/// others are ignored.
fn keep_first_external_id(recognised: &mut [Option<Recognised>], mapped: &[Option<ColumnName>]) {
    let is_id = |cell: &Recognised| cell.named.field == Field::ExternalId;
    let best =
        recognised.iter().flatten().filter(|cell| is_id(cell)).map(|cell| cell.named.rank).min();
    let is_mapped = mapped.iter().flatten().any(|column| column.field == Field::ExternalId);
    for cell in recognised {
        if cell
            .as_ref()
            .is_some_and(|cell| is_id(cell) && (is_mapped || Some(cell.named.rank) != best))
        {
            *cell = None;
        }
    }
}

/// Gives the columns with the names of phone numbers slots, in the order of the file: the first is
/// `phone`, each further one has the next index that no column has.
fn number_phones(
    phones: &[(usize, usize)],
    columns: &mut [Option<ColumnName>],
) -> Result<(), FileError> {
    let mut taken: Vec<ColumnName> = columns.iter().flatten().copied().collect();
    let names = std::iter::once(None).chain(Slot::all().skip(1).map(Some));
    let mut free = names.map(|slot| ColumnName::new(Field::Phone, slot));
    for &(index, _) in phones {
        let name = free.find(|name| !taken.contains(name));
        let Some(name) = name else {
            return Err(FileError::IndexOutOfRange { field: Field::Phone, position: index + 1 });
        };
        taken.push(name);
        columns[index] = Some(name);
    }
    Ok(())
}
