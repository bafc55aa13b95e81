"""Reading documents that are not trusted: fields, quantities, faults and the JSON Schema."""
