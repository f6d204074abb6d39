//! Product models: device types, services, commands and the checks they imply.
