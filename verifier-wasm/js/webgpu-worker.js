// The script of sphere-pow/webgpu's workers.

import { Runtime } from './runtime.js';
import { serve } from './serve.js';
import { glue } from './webgpu-glue.js';
import { GpuHost } from './webgpu-host.js';

const runtime = new Runtime(glue);
serve(runtime, new GpuHost(runtime));
