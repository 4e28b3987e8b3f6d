// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the suite `helm` asks of the chart.

mod helm;
mod releases;
mod rights;
mod upgrade;
mod values;
