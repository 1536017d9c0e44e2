// What `warpgrad doctor` wants to know of the addon, in a process of its own: prints JSON, or ends with the complaint.
const start = performance.now();
try {
  const { addon, addonPath, backendMissing, backendPath } = await import('../native/load.ts');
  const loadMs = performance.now() - start;
  const cpu = addon.devices('cpu');
  const cudaLibrary = backendPath('cuda');
  const cudaMissing = cudaLibrary === null ? backendMissing('cuda') : null;
  console.log(JSON.stringify({ addonPath, loadMs, threads: addon.threads(), cpu, cudaLibrary, cudaMissing }));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
