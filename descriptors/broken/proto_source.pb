syntax = "proto3";

package users;
