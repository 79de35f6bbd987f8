"""A consent in other people's formats: a text for the record, FHIR, ISO/IEC TS 27560."""
