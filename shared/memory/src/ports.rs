//! A cloud as the ports of a function: it implements every port itself.

use bulk_pipeline::ports::Ports;

use crate::Cloud;

impl Ports for Cloud {
    type Jobs = Self;
    type Deliveries = Self;
    type GatewayLimits = Self;
    type Patients = Self;
    type ExternalIds = Self;
    type Documents = Self;
    type Downloads = Self;
    type Copies = Self;
    type Directory = Self;
    type Objects = Self;
    type Queues = Self;
    type AuditTrail = Self;
    type Environment = Self;

    fn jobs(&self) -> &Self {
        self
    }

    fn deliveries(&self) -> &Self {
        self
    }

    fn gateway_limits(&self) -> &Self {
        self
    }

    fn patients(&self) -> &Self {
        self
    }

    fn external_ids(&self) -> &Self {
        self
    }

    fn documents(&self) -> &Self {
        self
    }

    fn downloads(&self) -> &Self {
        self
    }

    fn copies(&self) -> &Self {
        self
    }

    fn directory(&self) -> &Self {
        self
    }

    fn objects(&self) -> &Self {
        self
    }

    fn queues(&self) -> &Self {
        self
    }

    fn audit_trail(&self) -> &Self {
        self
    }

    fn environment(&self) -> &Self {
        self
    }
}
