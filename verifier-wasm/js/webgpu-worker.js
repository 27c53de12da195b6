// The worker of sphere-pow/webgpu.

import { serve } from './serve.js';
import { GpuHost } from './webgpu-host.js';

serve(new GpuHost());
