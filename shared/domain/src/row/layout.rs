//! The columns of a file, arranged by the values that they make together.

use crate::csv::{ColumnName, Columns, Field, Slot};

/// Where the cells of every value are. A column that the file lacks has a place here too, since it can
/// be reported as missing.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// For each column of the file whether it means something.
    known: Vec<bool>,
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
    pub(super) order: u32,
}

impl Layout {
    pub(super) fn new(columns: &Columns) -> Self {
        let mut known = vec![false; columns.width()];
        for (index, _) in columns.iter() {
            known[index] = true;
        }
        let single = |field| Column::new(columns, field, None, &[]);
        let slots = |fields: &'static [Field]| {
            Slot::all()
                .filter(move |&slot| fields.iter().any(|&field| columns.find(field, Some(slot)).is_some()))
        };
        let address = |slot| {
            let part = |field| Column::new(columns, field, Some(slot), &ADDRESS);
            AddressColumns {
                line1: part(Field::AddressLine1),
                line2: part(Field::AddressLine2),
                city: part(Field::City),
                state: part(Field::State),
                zip: part(Field::Zip),
            }
        };
        let contact = |slot| ContactColumns {
            phone: Column::new(columns, Field::Phone, Some(slot), &[]),
            email: Column::new(columns, Field::Email, Some(slot), &[]),
        };
        let license = |field| Column::new(columns, field, None, &LICENSE);
        Self {
            known,
            external_id: single(Field::ExternalId),
            first_name: single(Field::FirstName),
            last_name: single(Field::LastName),
            dob: single(Field::Dob),
            gender: single(Field::Gender),
            addresses: slots(&ADDRESS).map(address).collect(),
            contacts: slots(&CONTACT).map(contact).collect(),
            ssn: single(Field::Ssn),
            license_number: license(Field::DriversLicenceNo),
            license_state: license(Field::DriversLicenceState),
            cohorts: slots(&[Field::Cohort])
                .map(|slot| Column::new(columns, Field::Cohort, Some(slot), &[]))
                .collect(),
            facility: single(Field::FacilityId),
            hie_opt_out: single(Field::HieOptOut),
        }
    }

    /// How many cells a row has.
    pub(super) fn width(&self) -> usize {
        self.known.len()
    }

    /// Whether the column at this position means something.
    pub(super) fn is_known(&self, index: usize) -> bool {
        self.known.get(index).copied().unwrap_or(false)
    }

    /// What a row without any address is told to fill in: the required columns of the first slot for
    /// which the file has all of them.
    pub(super) fn first_address(&self) -> impl Iterator<Item = &Column> {
        let complete = |slot: &&AddressColumns| slot.required().iter().all(|column| column.index.is_some());
        let slot = self.addresses.iter().find(complete).or(self.addresses.first());
        slot.into_iter().flat_map(AddressColumns::required)
    }
}

impl AddressColumns {
    fn required(&self) -> [&Column; 4] {
        [&self.line1, &self.city, &self.state, &self.zip]
    }
}

const ADDRESS: [Field; 5] = [Field::AddressLine1, Field::AddressLine2, Field::City, Field::State, Field::Zip];
const CONTACT: [Field; 2] = [Field::Phone, Field::Email];
const LICENSE: [Field; 2] = [Field::DriversLicenceNo, Field::DriversLicenceState];

impl Column {
    /// The column for a field in a slot. If the file lacks it, its problems go where the first column
    /// of its `group` is that the file has.
    fn new(columns: &Columns, field: Field, slot: Option<Slot>, group: &[Field]) -> Self {
        let found = columns.find(field, slot);
        let name = match (found, slot) {
            (Some((_, name)), _) => name,
            (None, None) => ColumnName::new(field, None),
            (None, Some(slot)) => columns.name_in_slot(field, slot),
        };
        let index = found.map(|(index, _)| index);
        let relative = || group.iter().filter_map(|&other| columns.find(other, slot)).map(|(i, _)| i).min();
        let anchor = index.or_else(relative).unwrap_or(columns.width());
        // Far below the limit of the type: a header has at most 16,384 columns.
        let order = u32::try_from((anchor + 1) * Field::ALL.len()).unwrap_or(u32::MAX);
        Self { index, name, order: order.saturating_add(field as u32) }
    }
}
