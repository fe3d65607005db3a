package main

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
)

func main() {
	router := gin.Default()
	router.LoadHTMLGlob("templates/*")
	router.GET("/", func(c *gin.Context) {
		c.HTML(http.StatusOK, "index.html", gin.H{"name": c.DefaultQuery("name", "Gin")})
	})
	router.GET("/api/id", func(c *gin.Context) {
		c.JSON(http.StatusOK, gin.H{"id": uuid.NewString()})
	})
	if err := router.Run(); err != nil {
		panic(err)
	}
}
