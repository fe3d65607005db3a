#!/bin/bash
# Serves the folder $1 on $PORT: nginx before PHP-FPM, logs on standard output and error. When one of the two
# ends, both do; at most $PHP_WORKERS requests run PHP at once.
set -eu
port="${PORT:-8080}"
workers="${PHP_WORKERS:-10}"
case "$port" in *[!0-9]* | '') echo "PORT is not a number: $port" >&2; exit 64 ;; esac
case "$workers" in *[!0-9]* | '' | 0) echo "PHP_WORKERS is not a number: $workers" >&2; exit 64 ;; esac
dir="$(mktemp -d)"
cat >"$dir/fpm.conf" <<EOF_FPM
[global]
error_log = /dev/stderr
log_level = warning
daemonize = no
[www]
listen = $dir/fpm.sock
pm = ondemand
pm.max_children = $workers
pm.process_idle_timeout = 60s
pm.max_requests = 1000
clear_env = no
catch_workers_output = yes
decorate_workers_output = no
php_admin_flag[log_errors] = on
php_value[error_log] = /dev/stderr
php_value[session.save_path] = /tmp
php_value[upload_max_filesize] = 64M
php_value[post_max_size] = 64M
EOF_FPM
cat >"$dir/nginx.conf" <<EOF_NGINX
worker_processes 1;
pid $dir/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 1024; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  charset utf-8;
  access_log /dev/stdout combined;
  client_body_temp_path $dir/body;
  proxy_temp_path $dir/proxy;
  fastcgi_temp_path $dir/fastcgi;
  uwsgi_temp_path $dir/uwsgi;
  scgi_temp_path $dir/scgi;
  client_max_body_size 64m;
  server_tokens off;
  sendfile on;
  gzip on;
  gzip_types text/css application/javascript application/json image/svg+xml text/plain;
  map \$http_x_forwarded_proto \$is_https { default ''; https on; }
  server {
    listen $port;
    root $1;
    index index.php index.html index.htm;
    absolute_redirect off;
    location / { try_files \$uri \$uri/ /index.php\$is_args\$args; }
    location ~ /\.(?!well-known) { return 404; }
    location ~ ^/(?:composer\.(?:json|lock)|Procfile|skyarc\.ya?ml|rainbondfile|vendor/.*\.(?:json|php))\$ { return 404; }
    location ~ ^.+\.php(?:/|\$) {
      fastcgi_split_path_info ^(.+?\.php)(/.*)?\$;
      try_files \$fastcgi_script_name =404;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME \$document_root\$fastcgi_script_name;
      fastcgi_param PATH_INFO \$fastcgi_path_info;
      fastcgi_param HTTPS \$is_https if_not_empty;
      fastcgi_param HTTP_PROXY '';
      fastcgi_read_timeout 300s;
      fastcgi_pass unix:$dir/fpm.sock;
    }
  }
}
EOF_NGINX
for program in /usr/sbin/php-fpm*; do fpm="$program"; done
"$fpm" --nodaemonize --force-stderr --fpm-config "$dir/fpm.conf" &
nginx -c "$dir/nginx.conf" -g 'daemon off;' &
pids="$(jobs -p)"
# Both finish what they are at on QUIT.
trap 'kill -QUIT $pids 2>/dev/null || true' TERM INT QUIT
status=0
wait -n || status=$?
kill -QUIT $pids 2>/dev/null || true
wait || true
exit "$status"
