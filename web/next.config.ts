import type { NextConfig } from 'next';

/** A folder of static files that the API process serves: no server of its own, no request to anywhere else. */
const config: NextConfig = {
  output: 'export',
  transpilePackages: ['@skyarc/sdk'],
  reactStrictMode: true,
  images: { unoptimized: true },
  devIndicators: false,
  // `npm run check` checks the types of every room at once.
  typescript: { ignoreBuildErrors: true },
};

export default config;
