// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.
