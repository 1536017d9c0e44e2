import { defineConfig } from 'vitepress';

/** @param {string} text @param {string} page */
const page = (text, page) => ({ text, link: `/${page}` });

export default defineConfig({
  title: 'warpgrad',
  description: 'Deep learning for Node.js',
  outDir: '../.cache/site',
  cacheDir: '../.cache/vitepress',
  cleanUrls: false,
  lastUpdated: false,
  // typedoc's pages are files of their own; tools/docs.mjs checks the links to them.
  ignoreDeadLinks: [/^\/api\//],
  themeConfig: {
    search: { provider: 'local' },
    outline: { level: [2, 3] },
    nav: [page('Guide', 'getting-started'), page('Ops', 'ops'), { text: 'API', link: '/api/index.html', target: '_self' }],
    sidebar: [
      {
        text: 'Guide',
        items: [
          page('Getting started', 'getting-started'),
          page('Installation', 'installation'),
          page('Tensors', 'tensors'),
          page('Gradients', 'autograd'),
          page('Training', 'training'),
          page('Memory', 'memory'),
          page('Async and services', 'async'),
          page('Devices', 'devices'),
          page('Errors', 'errors'),
          page('Performance', 'performance'),
          page('Benchmarks', 'benchmarks'),
        ],
      },
      { text: 'Coming from', items: [page('PyTorch', 'from-pytorch'), page('TensorFlow.js', 'from-tfjs')] },
      { text: 'Extending', items: [page('Ops of your own', 'custom-ops'), page('Adding an op', 'adding-an-op')] },
      {
        text: 'Reference',
        items: [
          page('Table of ops', 'ops'),
          page('CUDA kernels', 'cuda-kernels'),
          { text: 'API', link: '/api/index.html', target: '_self' },
        ],
      },
    ],
  },
});
