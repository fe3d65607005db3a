#!/bin/sh
# Serves the folder $1 on $PORT with nginx, logs on standard output and error. With `single-page` as $2, unknown
# paths that are no files get the first page too.
set -eu
port="${PORT:-8080}"
case "$port" in *[!0-9]* | '') echo "PORT is not a number: $port" >&2; exit 64 ;; esac
fallback='=404'
if [ "${2:-}" = single-page ]; then fallback='/index.html'; fi
conf="$(mktemp -d)/nginx.conf"
cat >"$conf" <<EOF
worker_processes 1;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 1024; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  charset utf-8;
  access_log /dev/stdout combined;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  server_tokens off;
  sendfile on;
  gzip on;
  gzip_types text/css application/javascript application/json image/svg+xml text/plain;
  server {
    listen $port;
    root $1;
    absolute_redirect off;
    error_page 404 /404.html;
    location / { try_files \$uri \$uri/ \$uri.html $fallback; }
    location ~ \.(?:css|gif|ico|jpg|js|json|map|mjs|png|svg|txt|wasm|webp|woff2?)\$ { try_files \$uri =404; }
    location = /404.html { internal; }
    location ~ /\.(?!well-known) { return 404; }
  }
}
EOF
exec nginx -c "$conf" -g 'daemon off;'
