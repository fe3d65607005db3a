// Prints what the API server must know of the Kubernetes API types, read from the tags of their Go types:
// JSON names, field numbers of the protobuf encoding, merge keys of strategic merge patch; and from the markers of their
// comments what server-side apply takes as one whole, and the keys of lists that it merges.
package main

import (
	"encoding/json"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	apps "k8s.io/api/apps/v1"
	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	events "k8s.io/api/events/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	scheduling "k8s.io/api/scheduling/v1"
	storage "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var roots = map[string][]any{
	"v1": {core.Pod{}, core.PodTemplate{}, core.Namespace{}, core.Node{}, core.ConfigMap{}, core.Secret{},
		core.ServiceAccount{}, core.Event{}, core.Service{}, core.Endpoints{}, core.PersistentVolumeClaim{},
		core.PersistentVolume{}, core.ResourceQuota{}, core.LimitRange{}, core.Binding{}, meta.DeleteOptions{}},
	"apps/v1":                      {apps.Deployment{}, apps.ReplicaSet{}, apps.StatefulSet{}, apps.DaemonSet{}, apps.ControllerRevision{}},
	"batch/v1":                     {batch.Job{}, batch.CronJob{}},
	"autoscaling/v1":               {autoscalingv1.Scale{}, autoscalingv1.HorizontalPodAutoscaler{}},
	"autoscaling/v2":               {autoscaling.HorizontalPodAutoscaler{}},
	"coordination.k8s.io/v1":       {coordination.Lease{}},
	"discovery.k8s.io/v1":          {discovery.EndpointSlice{}},
	"events.k8s.io/v1":             {events.Event{}},
	"networking.k8s.io/v1":         {networking.Ingress{}, networking.IngressClass{}, networking.NetworkPolicy{}},
	"policy/v1":                    {policy.PodDisruptionBudget{}, policy.Eviction{}},
	"rbac.authorization.k8s.io/v1": {rbac.Role{}, rbac.ClusterRole{}, rbac.RoleBinding{}, rbac.ClusterRoleBinding{}},
	"scheduling.k8s.io/v1":         {scheduling.PriorityClass{}},
	"storage.k8s.io/v1":            {storage.StorageClass{}, storage.VolumeAttachment{}, storage.CSIDriver{}, storage.CSINode{}},
	"authentication.k8s.io/v1":     {authentication.TokenRequest{}, authentication.TokenReview{}, authentication.SelfSubjectReview{}},
	"authorization.k8s.io/v1": {authorization.SelfSubjectAccessReview{}, authorization.SubjectAccessReview{},
		authorization.SelfSubjectRulesReview{}},
}

// Types whose JSON is not that of their fields.
var special = map[reflect.Type]string{
	reflect.TypeOf(meta.Time{}):            "time",
	reflect.TypeOf(meta.MicroTime{}):       "microTime",
	reflect.TypeOf(meta.FieldsV1{}):        "raw",
	reflect.TypeOf(meta.Duration{}):        "duration",
	reflect.TypeOf(resource.Quantity{}):    "quantity",
	reflect.TypeOf(intstr.IntOrString{}):   "intOrString",
	reflect.TypeOf(runtime.RawExtension{}): "raw",
}

type field struct {
	Number int     `json:"number"`
	Type   string  `json:"type"`
	Form   string  `json:"form,omitempty"`
	Inline bool    `json:"inline,omitempty"`
	NoZero bool    `json:"noZero,omitempty"`
	Merge  *string `json:"merge,omitempty"`
	// Of a list that is merged by server-side apply; none merges plain values as a set.
	Keys *[]string `json:"keys,omitempty"`
	// A map or an object that server-side apply takes as one whole.
	Atomic  bool   `json:"atomic,omitempty"`
	Default string `json:"default,omitempty"`
}

// Markers by "<package>.<type>" and "<package>.<type>.<field>".
var markers = map[string]map[string][]string{}
var parsed = map[string]bool{}

func readMarkers(path string) {
	if parsed[path] {
		return
	}
	parsed[path] = true
	found, err := build.Import(path, ".", build.FindOnly)
	if err != nil {
		panic(err)
	}
	files, err := filepath.Glob(filepath.Join(found.Dir, "*.go"))
	if err != nil {
		panic(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			panic(err)
		}
		for _, declared := range file.Decls {
			general, ok := declared.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				typeSpec, ok := spec.(*ast.TypeSpec)
				if !ok {
					continue
				}
				key := path + "." + typeSpec.Name.Name
				markers[key] = markersOf(general.Doc)
				structType, ok := typeSpec.Type.(*ast.StructType)
				if !ok {
					continue
				}
				for _, each := range structType.Fields.List {
					for _, name := range each.Names {
						markers[key+"."+name.Name] = markersOf(each.Doc)
					}
				}
			}
		}
	}
}

func markersOf(doc *ast.CommentGroup) map[string][]string {
	found := map[string][]string{}
	if doc == nil {
		return found
	}
	for _, line := range doc.List {
		text := strings.TrimSpace(strings.TrimPrefix(line.Text, "//"))
		if name, value, ok := strings.Cut(text, "="); ok && strings.HasPrefix(name, "+") {
			found[name] = append(found[name], value)
		}
	}
	return found
}

func has(found map[string][]string, name string, value string) bool {
	return len(found[name]) > 0 && found[name][0] == value
}

// How server-side apply merges the field, as kube-openapi's schemaconv reads the same markers.
func addApply(out *field, owner reflect.Type, f reflect.StructField, element reflect.Type) {
	readMarkers(owner.PkgPath())
	own := markers[owner.PkgPath()+"."+owner.Name()+"."+f.Name]
	ofType := map[string][]string{}
	if element.Kind() == reflect.Struct && element.PkgPath() != "" {
		readMarkers(element.PkgPath())
		ofType = markers[element.PkgPath()+"."+element.Name()]
	}
	switch {
	case out.Form == "list" && has(own, "+listType", "map"):
		keys := own["+listMapKey"]
		out.Keys = &keys
	case out.Form == "list" && has(own, "+listType", "set"):
		out.Keys = &[]string{}
	case out.Form == "list" && len(own["+listType"]) == 0 && out.Merge != nil:
		keys := []string{}
		if *out.Merge != "" {
			keys = append(keys, *out.Merge)
		}
		out.Keys = &keys
	case out.Form == "map":
		out.Atomic = has(own, "+mapType", "atomic")
	case out.Form == "" && !out.Inline:
		out.Atomic = has(own, "+structType", "atomic") || has(ofType, "+structType", "atomic")
	}
	if len(own["+default"]) > 0 && out.Type == "string" && strings.HasPrefix(own["+default"][0], "\"") {
		out.Default = strings.Trim(own["+default"][0], "\"")
	}
}

var types = map[string]map[string]field{}

func nameOf(t reflect.Type) string {
	parts := strings.Split(strings.TrimPrefix(strings.TrimPrefix(t.PkgPath(), "k8s.io/api/"), "k8s.io/apimachinery/pkg/apis/"), "/")
	return strings.Join(parts, ".") + "." + t.Name()
}

func typeOf(t reflect.Type) string {
	if name, ok := special[t]; ok {
		return name
	}
	switch t.Kind() {
	case reflect.Ptr:
		return typeOf(t.Elem())
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int32, reflect.Int64, reflect.Int, reflect.Uint8:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		if t.Name() != "" { // authentication.ExtraValue: a message with `items`
			return "texts"
		}
		return typeOf(t.Elem())
	case reflect.Struct:
		walk(t)
		return nameOf(t)
	}
	panic(t.String())
}

func walk(t reflect.Type) {
	name := nameOf(t)
	if _, ok := types[name]; ok {
		return
	}
	fields := map[string]field{}
	types[name] = fields
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		proto := strings.Split(f.Tag.Get("protobuf"), ",")
		parts := strings.Split(f.Tag.Get("json"), ",")
		if len(proto) < 2 || parts[0] == "-" {
			continue
		}
		number, err := strconv.Atoi(proto[1])
		if err != nil {
			panic(err)
		}
		out := field{Number: number, Inline: parts[0] == ""}
		key := parts[0]
		if out.Inline {
			key = "inline " + f.Name
		}
		ft := f.Type
		isPointer := ft.Kind() == reflect.Ptr
		if isPointer {
			ft = ft.Elem()
		}
		_, isSpecial := special[ft]
		switch {
		case !isSpecial && ft.Kind() == reflect.Map:
			out.Form, out.Type = "map", typeOf(ft.Elem())
		case !isSpecial && ft.Kind() == reflect.Slice && ft.Elem().Kind() != reflect.Uint8 && ft.Name() == "":
			out.Form, out.Type = "list", typeOf(ft.Elem())
		default:
			out.Type = typeOf(ft)
		}
		out.NoZero = !isPointer && strings.Contains(f.Tag.Get("json"), "omitempty")
		if strings.Contains(f.Tag.Get("patchStrategy"), "merge") && out.Form == "list" {
			mergeKey := f.Tag.Get("patchMergeKey")
			out.Merge = &mergeKey
		}
		addApply(&out, t, f, ft)
		fields[key] = out
	}
}

func main() {
	kinds := map[string]string{}
	for version, list := range roots {
		for _, each := range list {
			t := reflect.TypeOf(each)
			walk(t)
			kinds[version+" "+t.Name()] = nameOf(t)
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	if err := encoder.Encode(map[string]any{"kinds": kinds, "types": types}); err != nil {
		panic(err)
	}
}
