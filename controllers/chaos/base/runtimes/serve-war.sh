#!/bin/sh
# Serves the web application in /app/webapp on $PORT by Tomcat; what it writes goes to /tmp.
set -eu
exec java ${JAVA_OPTS:-} "-Dserver.port=${PORT:-8080}" -Djava.io.tmpdir=/tmp \
  -Dcatalina.home=/usr/share/tomcat10 -Dcatalina.base=/opt/tomcat \
  -cp /usr/share/tomcat10/bin/bootstrap.jar:/usr/share/tomcat10/bin/tomcat-juli.jar \
  org.apache.catalina.startup.Bootstrap start
