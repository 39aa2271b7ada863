//! The columns of a file, arranged by the values that they make together.

use crate::column::{ColumnName, Field};
use crate::csv::{ADDRESS, Columns, GroupSlot};

/// Where the cells of every value are. A column that the file lacks has a place here too, since it
/// can be reported as missing.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// For each column of the file whether it means something.
    known: Vec<bool>,
    /// The fewest cells that a row can have.
    required_cells: usize,
    pub(super) external_id: Column,
    pub(super) first_name: Column,
    pub(super) last_name: Column,
    pub(super) dob: Column,
    pub(super) gender: Column,
    /// The slots that have columns, in order.
    pub(super) addresses: Vec<AddressColumns>,
    /// The slots that have columns, in order.
    pub(super) contacts: Vec<ContactColumns>,
    pub(super) ssn: Column,
    pub(super) license_number: Column,
    pub(super) license_state: Column,
    /// The slots that have columns, in order.
    pub(super) cohorts: Vec<Column>,
    pub(super) facility: Column,
    pub(super) hie_opt_out: Column,
}

#[derive(Clone, Debug)]
pub(super) struct AddressColumns {
    pub(super) line1: Column,
    pub(super) line2: Column,
    pub(super) city: Column,
    pub(super) state: Column,
    pub(super) zip: Column,
}

#[derive(Clone, Debug)]
pub(super) struct ContactColumns {
    pub(super) phone: Column,
    pub(super) email: Column,
}

/// A column that a value is read from.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Its position in the file, from 0; `None` if the file lacks it.
    pub(super) index: Option<usize>,
    /// What it is called in problems.
    pub(super) name: ColumnName,
    /// Where its problems go in the list. 0 is before every column.
    pub(super) order: usize,
    /// Whether a row may do without it in every case.
    pub(super) is_optional: bool,
}

impl Layout {
    pub(super) fn new(columns: &Columns) -> Self {
        let mut known = vec![false; columns.width()];
        for (index, _) in columns.iter() {
            known[index] = true;
        }
        let single = |field| Column::single(columns, field, &[]);
        let license = |field| Column::single(columns, field, &LICENSE);
        let address = |(index, slot)| {
            let part = |field| {
                let column = Column::in_slot(columns, field, slot, &ADDRESS);
                Column { is_optional: index > 0 || column.is_optional, ..column }
            };
            AddressColumns {
                line1: part(Field::AddressLine1),
                line2: part(Field::AddressLine2),
                city: part(Field::City),
                state: part(Field::State),
                zip: part(Field::Zip),
            }
        };
        let contact = |slot| ContactColumns {
            phone: Column::in_slot(columns, Field::Phone, slot, &[]),
            email: Column::in_slot(columns, Field::Email, slot, &[]),
        };
        let cohort = |slot| Column::in_slot(columns, Field::Cohort, slot, &[]);
        let in_slots = |fields: &[Field]| columns.slots(fields).into_iter();
        let mut layout = Self {
            known,
            required_cells: 0,
            external_id: single(Field::ExternalId),
            first_name: single(Field::FirstName),
            last_name: single(Field::LastName),
            dob: single(Field::Dob),
            gender: single(Field::Gender),
            addresses: in_slots(&ADDRESS).enumerate().map(address).collect(),
            contacts: in_slots(&CONTACT).map(contact).collect(),
            ssn: single(Field::Ssn),
            license_number: license(Field::DriversLicenceNo),
            license_state: license(Field::DriversLicenceState),
            cohorts: in_slots(&[Field::Cohort]).map(cohort).collect(),
            facility: single(Field::FacilityId),
            hie_opt_out: single(Field::HieOptOut),
        };
        layout.required_cells = layout.count_required_cells();
        layout
    }

    /// Returns how many cells a row has.
    pub(super) fn width(&self) -> usize {
        self.known.len()
    }

    /// Whether the column at this position means something.
    pub(super) fn is_known(&self, index: usize) -> bool {
        self.known.get(index).copied().unwrap_or(false)
    }

    /// Whether a row that ends before this cell lacks a value that every row has.
    pub(super) fn needs_cell_from(&self, cells: usize) -> bool {
        cells < self.required_cells
    }

    /// Counts the cells without which a row has no name, date of birth, gender or complete address.
    fn count_required_cells(&self) -> usize {
        let count = |columns: &[&Column]| {
            columns.iter().filter_map(|column| column.index).max().map_or(0, |last| last + 1)
        };
        let person = count(&[&self.first_name, &self.last_name, &self.dob, &self.gender]);
        let complete = self.addresses.iter().filter(|slot| slot.is_complete());
        let address = complete.map(|slot| count(&slot.required())).min();
        person.max(address.unwrap_or(0))
    }

    /// What a row without any address is told to fill in: the required columns of the first slot
    /// for which the file has all of them.
    pub(super) fn first_address(&self) -> impl Iterator<Item = &Column> {
        let slot = self.addresses.iter().find(|slot| slot.is_complete()).or(self.addresses.first());
        slot.into_iter().flat_map(AddressColumns::required)
    }
}

impl AddressColumns {
    fn required(&self) -> [&Column; 4] {
        [&self.line1, &self.city, &self.state, &self.zip]
    }

    /// Whether the file has every column that an address requires.
    fn is_complete(&self) -> bool {
        self.required().iter().all(|column| column.index.is_some())
    }
}

const CONTACT: [Field; 2] = [Field::Phone, Field::Email];
const LICENSE: [Field; 2] = [Field::DriversLicenceNo, Field::DriversLicenceState];

impl Column {
    /// Finds the column of a field that is not grouped.
    fn single(columns: &Columns, field: Field, group: &[Field]) -> Self {
        let find = |field| columns.find(field, None);
        Self::new(
            columns,
            find(field),
            ColumnName::new(field, None),
            group.iter().filter_map(|&field| find(field)),
        )
    }

    /// Finds the column of a field in a slot.
    fn in_slot(columns: &Columns, field: Field, slot: GroupSlot, group: &[Field]) -> Self {
        let (index, name) = columns.in_slot(field, slot);
        let relatives = group.iter().filter_map(|&other| columns.in_slot(other, slot).0);
        Self::new(columns, index, name, relatives)
    }

    /// The problems of a column that the file lacks go where the first of its relatives is that the
    /// file has.
    fn new(
        columns: &Columns,
        index: Option<usize>,
        name: ColumnName,
        relatives: impl Iterator<Item = usize>,
    ) -> Self {
        let anchor = index.or_else(|| relatives.min()).unwrap_or(columns.width());
        let order = (anchor + 1) * Field::ALL.len() + name.field as usize;
        Self { index, name, order, is_optional: !Columns::is_required(name.field) }
    }
}
