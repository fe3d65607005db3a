export const GET = () => Response.json({ hello: 'route' });
