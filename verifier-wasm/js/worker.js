// The script of the verifier's workers.

import { runtime } from './glue.js';
import { Host } from './host.js';
import { serve } from './serve.js';

serve(runtime, new Host(runtime));
